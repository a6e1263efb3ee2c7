"""Real-time priority for the thread that calls: an overrun is a thread that came too late.

Only where the resource limit asks for it (systemd: ``LimitRTPRIO=10``; whoever sets none has 0). Root would get it
without a limit, which is just why the limit is looked at: a daemon that is tried in a root shell takes no priority over
the whole machine.
"""

import os
import resource

PRIORITY = 10
"""Above all ordinary work, below the kernel's own threads for interrupts (50)."""


def raise_if_allowed() -> str:
    """Return what was done, in words; empty: nothing is asked for."""
    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if limit != resource.RLIM_INFINITY and limit < PRIORITY:
        return ""
    try:
        # Of this thread only: to the kernel 0 is the caller. What it starts goes without.
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError as error:
        return f"No real-time priority, although its limit is {limit}: {error.strerror}."
    return f"Has real-time priority {PRIORITY}."
