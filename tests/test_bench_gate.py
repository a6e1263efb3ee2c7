"""The bench says what it costs that speech is looked for. What it finds is no test's business."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "scripts/lib")]

import bench_gate  # noqa: E402
from bench_pacer import PERIOD_BYTES, around  # noqa: E402
from gate_verdict import GATES, PLUS_MINUS, SOUNDS, WIDTH, Gated, as_json, key, table  # noqa: E402
from measure import Span  # noqa: E402

ABOUT = {"cpu": "an ordinary one, of 2.4 GHz", "cores": 128, "kernel": "6.1.0-13-rpi", "python": "3.11.2"}


def gated(name: str, *cpu_ms: float) -> Gated:
    return Gated(name, [Span(30.0, ms * 3.6, ms, ms, 10.0, 4) for ms in cpu_ms])


def everything(*cpu_ms: float) -> list[Gated]:
    return [gated(key(sound, gate), *cpu_ms) for sound in SOUNDS for gate in GATES]


def test_a_gate_is_compared_window_by_window():
    more = gated("quiet_send_speech", 13.0, 25.0).more_than(gated("quiet_off", 10.0, 20.0))
    assert more == (pytest.approx(4.0), pytest.approx(1.0))


def test_the_table_fits_80_columns():
    shown = table(everything(123.4, 4567.8), bench_gate.notes(bench_gate.Plan(100, 30, 16), ABOUT))
    lines = shown.split("\n")
    assert max(map(len, lines)) <= WIDTH
    assert lines[2].split() == ["off", "2345.60", "651.56", "651.56"]
    assert lines[3].split()[-3:] == ["+0.00", PLUS_MINUS, "0.00"]


def test_json_tells_what_is_beyond_the_cost_of_no_gate():
    told = as_json(everything(1.0, 2.0), {}, {})["gate_ms_per_second"]
    assert told.keys() == set(SOUNDS)
    assert told["quiet"]["off"] == {"cpu": 1.5, "audio": 0.4167, "loop": 0.4167, "wakeups": 10.0}
    assert told["quiet"]["send-speech"] == told["quiet"]["off"] | {"beyond_off": 0.0, "standard_error": 0.0}


def test_as_much_is_spoken_in_each_window():
    room, spoken = (np.frombuffer(sound, "<i2").astype(float) for sound in bench_gate.sounds())
    assert len(room) == len(spoken)
    assert len(room) * 2 % PERIOD_BYTES == 0
    windows = (spoken - room).reshape(-1, bench_gate.CYCLE_SECONDS * bench_gate.RATE)
    assert not windows[:, : -bench_gate.READING_SECONDS * bench_gate.RATE].any()
    assert all(window.any() for window in windows)


def test_so_many_seconds_are_so_many_windows_and_never_fewer_than_a_difference_needs():
    assert bench_gate.plan_of(600).windows == 20
    assert bench_gate.plan_of(1).windows == 2


def test_sound_goes_round():
    give = around(bytes(PERIOD_BYTES) + b"\1" * PERIOD_BYTES)
    assert [give(number)[0] for number in range(4)] == [0, 1, 0, 1]
    assert {len(give(number)) for number in range(4)} == {PERIOD_BYTES}


@pytest.mark.slow
def test_a_quick_run_measures_every_gate_on_every_sound():
    command = [sys.executable, str(PROJECT / "scripts/bench.py"), "--gate", "--quick"]
    with tempfile.TemporaryDirectory() as folder:  # Sockets lie in it: a short name.
        home = os.environ | {"TMPDIR": folder}
        ran = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert list(Path(folder).iterdir()) == []
    *shown, last = ran.stdout.splitlines()
    told = json.loads(last)["gate_ms_per_second"]
    assert all(len(line) <= WIDTH for line in shown)
    for sound in SOUNDS:
        for gate in GATES:
            assert told[sound][gate]["cpu"] > 0
            assert told[sound][gate]["audio"] > 0
            assert ("standard_error" in told[sound][gate]) == (gate != "off")
