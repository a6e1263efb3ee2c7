"""The bench measures, says so in two forms, and leaves nothing behind. What it finds is no test's business."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "scripts/lib")]

from bench_pacer import PERIOD_BYTES, noise, number_of, period  # noqa: E402
from measure import percentile, span, usage  # noqa: E402
from stamping import Arrivals  # noqa: E402
from verdict import WIDTH, Figure, Share, as_json, table  # noqa: E402

from tests.rigs.microphones import wait_until  # noqa: E402

BENCH = [sys.executable, str(PROJECT / "scripts/bench.py"), "--quick"]


def figure(ours: float, theirs: float | None, aim: float | None, *, of_theirs: bool = True) -> Figure:
    return Figure("cpu", "CPU", "s", ours, theirs, aim, of_theirs)


# --- the verdict -----------------------------------------------------------------------------------------------


def test_an_aim_is_met_when_the_ratio_is_not_above_it():
    assert figure(2.0, 4.0, 0.5).met
    assert not figure(2.1, 4.0, 0.5).met


def test_an_aim_can_be_a_number_of_its_own():
    assert figure(25.0, 10.0, 25.0, of_theirs=False).met
    assert not figure(26.0, 100.0, 25.0, of_theirs=False).met


def test_without_an_aim_there_is_no_verdict():
    assert figure(1.0, 2.0, None).met is None
    assert "met" not in figure(1.0, None, None).as_json()


def test_the_table_fits_80_columns_and_says_what_is_met():
    figures = [figure(1234.5, 4.0, 1.0), figure(1.0, 4.0, 1.0), figure(1.0, None, None)]
    lines = table(figures, [Share("audio", "Capture", 1.0, "alone; 10 chunks, 1 final a second")], ["a note"]).split(
        "\n"
    )
    assert max(map(len, lines)) <= WIDTH
    assert lines[2].endswith("not met")
    assert lines[3].endswith(" met")
    assert lines[-1] == "a note"


def test_json_counts_the_aims():
    told = as_json([figure(1, 4, 1.0), figure(9, 4, 1.0), figure(1, None, None)], [], {}, {})
    assert told["aims"] == {"met": 1, "of": 2}


# --- measuring -------------------------------------------------------------------------------------------------


def test_a_percentile_is_one_of_the_values():
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([7.0], 0.99) == 7


def test_what_this_process_uses_is_seen_from_outside():
    before = usage(os.getpid())
    while time.process_time() - before.cpu_seconds < 0.05:
        pass
    time.sleep(0.001)
    used = span(os.getpid(), before, usage(os.getpid()))
    assert used.cpu_seconds_per_hour > 0.05 / used.seconds * 3600 * 0.5
    assert used.wakeups_per_second > 0
    assert used.threads >= 1


@pytest.mark.parametrize("number", [0, 1, 16_383, 16_384, 100_000])
def test_a_period_carries_its_number(number):
    pcm = period(number, noise())
    assert len(pcm) == PERIOD_BYTES
    assert number_of(b"xx" + pcm, 2) == number


def masked(opcode: int, payload: bytes) -> bytes:
    mask = b"\x11\x22\x33\x44"
    short = len(payload) < 126
    head = bytes([0x80 | opcode, 0x80 | (len(payload) if short else 126)])
    head += b"" if short else struct.pack("!H", len(payload))
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def test_arrivals_are_found_however_the_bytes_are_cut():
    stream = b"GET / HTTP/1.1\r\nUser-Agent: edgetx/1\r\n\r\n" + masked(9, b"") + masked(2, period(5, noise()))
    stream += masked(1, b"{}") + masked(2, period(6, noise()))
    for step in (1, 7, 3208, len(stream)):
        arrivals = Arrivals()
        for start in range(0, len(stream), step):
            arrivals.note(stream[start : start + step], float(start))
        assert arrivals.agent == "edgetx/1"
        assert [number for number, _ in arrivals.periods] == [5, 6]


# --- the whole -------------------------------------------------------------------------------------------------


def processes_in(folder: Path) -> list[str]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                command = (directory / "cmdline").read_bytes().decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(folder) in command:
                found.append(command)
    return found


@pytest.mark.slow
@pytest.mark.oracle
def test_a_quick_run_measures_everything(tmp_path):
    ran = subprocess.run(BENCH, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    *shown, last = ran.stdout.splitlines()
    told = json.loads(last)
    assert all(len(line) <= WIDTH for line in shown)
    for key in ("cpu", "memory", "latency_p50", "latency_p99", "wakeups", "threads", "first_chunk"):
        assert told["figures"][key]["ours"] > 0
        assert told["figures"][key]["theirs"] > 0
    for key in ("ready", "final_p50", "final_p99"):
        assert told["figures"][key]["ours"] > 0
    assert told["stages"].keys() == {"audio", "loop", "speech", "mqtt", "health", "rest"}
    assert told["aims"]["of"] == 6
    wait_until(lambda: not processes_in(tmp_path), what="the end of every child")


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(tmp_path, number):
    with subprocess.Popen(
        BENCH, env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as bench:
        wait_until(lambda: any("pacer" in command for command in processes_in(tmp_path)), seconds=60, what="the run")
        bench.send_signal(number)
        bench.communicate(timeout=60)
    assert bench.returncode == 128 + number
    wait_until(lambda: not processes_in(tmp_path), what="the end of every child")
    assert list(tmp_path.iterdir()) == []
