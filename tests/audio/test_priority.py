"""In processes of their own: the real scheduler answers."""

import os
import resource
import subprocess
import sys

import pytest

SAY = """
import os, resource, sys, threading
from edgetx.audio.priority import raise_if_allowed

limit = int(sys.argv[1])
if sys.argv[2] == "true":
    try:
        resource.setrlimit(resource.RLIMIT_RTPRIO, (limit, limit))
    except (OSError, ValueError):
        sys.argv[2] = "made up"
if sys.argv[2] == "made up":  # A machine that does not let us raise it: what it says is made up, what it does is not.
    resource.getrlimit = lambda _which: (limit, limit)

told = []
def body():
    told.append(raise_if_allowed())
    told.append(os.sched_getscheduler(0))
    told.append(os.sched_getparam(0).sched_priority)
    child = os.fork()
    if not child:
        os._exit(os.sched_getscheduler(0))
    told.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

thread = threading.Thread(target=body)
thread.start()
thread.join()
print(told, os.sched_getscheduler(0))
"""

NORMAL, FIFO, RESET = os.SCHED_OTHER, os.SCHED_FIFO, os.SCHED_RESET_ON_FORK


def told(limit: int, *command: str, kind: str = "true") -> str:
    """What the function said in a thread, its scheduler and priority, its child's scheduler; the main one's."""
    words = [*command, sys.executable, "-c", SAY, str(limit), kind]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("limit", [10, 99, resource.RLIM_INFINITY])
def test_where_the_limit_allows_it_the_thread_gets_it_alone_and_its_children_do_not(limit):
    said = told(limit)
    if os.geteuid() and "No real-time priority" in said:
        pytest.skip("SKIPPED: only root can raise the limit: real-time priority is not proved here")
    assert said == f"{['Has real-time priority 10.', FIFO | RESET, 10, NORMAL]} {NORMAL}"


@pytest.mark.parametrize("limit", [0, 9])
def test_where_the_limit_does_not_ask_for_it_nothing_is_done_not_even_for_root(limit):
    assert told(limit) == f"{['', NORMAL, 0, NORMAL]} {NORMAL}"


def test_where_it_is_forbidden_that_is_said_and_harms_nothing():
    powerless = ("setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice") if os.geteuid() == 0 else ()
    sentence = "No real-time priority, although its limit is 99: Operation not permitted."
    assert told(99, *powerless, kind="made up") == f"{[sentence, NORMAL, 0, NORMAL]} {NORMAL}"
