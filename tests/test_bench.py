"""The bench measures, says so in two forms, and leaves nothing behind. What it finds is no test's business."""

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "scripts/lib")]

import bench_durable  # noqa: E402
import durable_verdict  # noqa: E402
from bench import OFFICIAL  # noqa: E402
from bench_pacer import PERIOD_BYTES, number_of, period, written_at  # noqa: E402
from calls import Call, Pace  # noqa: E402
from cutting import Kind, Return  # noqa: E402
from durable_verdict import Backfill, Cost, Felt, Found  # noqa: E402
from measure import file_system, percentile, span, usage, written  # noqa: E402
from stamping import SILENCE, Arrivals  # noqa: E402
from verdict import WIDTH, Figure, Share, as_json, table  # noqa: E402

from tests.rigs.assemblyai_server import Connection  # noqa: E402
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
    pcm = period(number)
    assert len(pcm) == PERIOD_BYTES
    for offset in (0, 2, 1000, PERIOD_BYTES - 4):
        assert number_of(pcm, offset) == number


def test_silence_has_no_number():
    assert number_of(bytes(4), 0) is None


def masked(opcode: int, payload: bytes) -> bytes:
    mask = b"\x11\x22\x33\x44"
    short = len(payload) < 126
    head = bytes([0x80 | opcode, 0x80 | (len(payload) if short else 126)])
    head += b"" if short else struct.pack("!H", len(payload))
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def test_arrivals_are_found_however_the_bytes_are_cut():
    stream = b"GET / HTTP/1.1\r\nUser-Agent: edgetx/1\r\n\r\n" + masked(9, b"") + masked(2, period(5))
    stream += masked(1, b"{}") + masked(2, period(6)) + masked(2, bytes(PERIOD_BYTES))
    for step in (1, 7, 3208, len(stream)):
        arrivals = Arrivals()
        for start in range(0, len(stream), step):
            arrivals.note(stream[start : start + step], float(start))
        assert arrivals.agent == "edgetx/1"
        assert [number for number, _ in arrivals.periods] == [5, 6, SILENCE]


# --- what it costs that nothing is lost ---------------------------------------------------------------------------


def call(*numbers: int, pace: Pace) -> Call:
    """Each number's period comes, with the middle of the one before, a second after the first was due."""
    connection = Connection("/v3/ws", {}, {})
    for number in numbers:
        sound = (period(number - 1) + period(number))[PERIOD_BYTES // 2 : -PERIOD_BYTES // 2]
        connection.audio += sound
        connection.frames.append((pace.first + 1.0, len(sound)))
    return Call(pace.first, connection, pace)


def test_sound_says_how_old_it_is_wherever_a_message_begins():
    pace = Pace(100.0, 1, 2)
    heard = call(3, 9, pace=pace).heard()
    assert written_at(100.0, 9, 1, of=2) == pytest.approx(100.95)
    assert [each.age for each in heard] == [pytest.approx(0.65), pytest.approx(0.05)]
    assert [each.is_now for each in heard] == [False, True]
    assert [each.seconds for each in heard] == [0.1, 0.1]


def test_a_microphone_is_live_when_the_sound_of_now_comes():
    pace = Pace(100.0, 0, 1)
    assert call(3, 4, pace=pace).now() is None
    assert call(3, 9, pace=pace).now() == 101.0


def test_silence_is_not_the_sound_of_now():
    connection = Connection("/v3/ws", {}, {}, audio=bytearray(3200), frames=[(100.0, 3200)])
    assert Call(100.0, connection, Pace(100.0, 0, 1)).now() is None


def test_what_has_come_and_is_not_yet_there_is_heard_later():
    connection = Connection("/v3/ws", {}, {}, frames=[(100.0, PERIOD_BYTES)])
    heard = Call(100.0, connection, Pace(100.0, 0, 1))
    assert heard.heard() == []
    connection.audio += period(0)
    assert len(heard.heard()) == 1


def test_what_this_process_writes_to_disk_is_seen_from_outside():
    with tempfile.TemporaryDirectory(dir=bench_durable.real_disk()) as folder:
        before = written(os.getpid())
        (Path(folder) / "file").write_bytes(bytes(1_000_000))
        assert written(os.getpid()) - before >= 1_000_000


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no such folder here")
def test_what_is_in_memory_is_no_disk(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    assert file_system(Path("/dev/shm")) == "tmpfs"
    assert bench_durable.real_disk() == Path("/var/tmp")


def test_cuts_are_summed_up_by_kind():
    returns = [Return(Kind.RESET, float(n), 0.5, 0.1) for n in range(1, 101)] + [Return(Kind.AWAY, 5000.0, 1.0, 1.0)]
    felt = bench_durable.felt(Kind.RESET, returns)
    assert felt.count == 100
    assert felt.live == (51.0, 100.0)


def found(megabytes: float) -> Found:
    felt = [Felt(kind, 1234, (1234.5, 1234.5), (0.1, 0.1), (1.2, 1.2)) for kind in Kind]
    costs = [Cost(key, 1234.5, megabytes) for key in ("no_provider_crash", "official")]
    return Found(costs, felt, Backfill(20.0, 1.2, 20.0, 10.0, 0.001, 0.01), 1234.0, 1.2, "ext4")


def test_the_table_of_durability_fits_80_columns():
    lines = durable_verdict.table(found(12_345.67), ["a note"]).split("\n")
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1] == "a note"


def test_a_card_is_written_full_by_what_an_hour_brings():
    assert Cost("good_crash", 1.0, 32_000 / 24).card_days == 1.0
    assert Cost("good_crash", 1.0, 0.0).card_days is None
    told = durable_verdict.as_json(found(0.0), {}, {})["durable"]["cost_per_hour"]["official"]
    assert told == {"cpu_seconds": 1234.5, "megabytes": 0.0}


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


@pytest.fixture
def on_disk():
    with tempfile.TemporaryDirectory(dir=bench_durable.real_disk()) as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.oracle(OFFICIAL)
def test_a_quick_run_measures_everything(on_disk):
    ran = subprocess.run(BENCH, env=os.environ | {"TMPDIR": str(on_disk)}, capture_output=True, text=True, check=False)
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
    wait_until(lambda: not processes_in(on_disk), what="the end of every child")


@pytest.mark.slow
@pytest.mark.oracle(OFFICIAL)
def test_a_quick_run_measures_what_durability_costs(on_disk):
    home = os.environ | {"TMPDIR": str(on_disk)}
    ran = subprocess.run([*BENCH, "--durable"], env=home, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    *shown, last = ran.stdout.splitlines()
    told = json.loads(last)["durable"]
    assert all(len(line) <= WIDTH for line in shown)
    for weather in bench_durable.WEATHERS:
        for durability in bench_durable.DURABILITIES:
            cost = told["cost_per_hour"][f"{weather}_{durability}"]
            assert cost["cpu_seconds"] > 0
            assert cost["megabytes"] > 0 or weather == "quiet"  # Then little is written, and seldom.
    assert told["cost_per_hour"]["official"]["cpu_seconds"] > 0
    for kind in Kind:
        assert told["live_again_seconds"][kind]["cuts"] > 0
        assert told["live_again_seconds"][kind]["live_p99"] > 0
    assert told["backfill"]["speed"] > 0
    assert told["backfill"]["cpu_per_hour"] > 0
    wait_until(lambda: not processes_in(on_disk), what="the end of every child")
    assert list(on_disk.iterdir()) == []


@pytest.mark.slow
@pytest.mark.oracle(OFFICIAL)
@pytest.mark.parametrize("options", [(), ("--durable",), ("--gate",)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(on_disk, number, options):
    with subprocess.Popen(
        [*BENCH, *options],
        env=os.environ | {"TMPDIR": str(on_disk)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as bench:
        wait_until(lambda: any("pacer" in command for command in processes_in(on_disk)), seconds=60, what="the run")
        bench.send_signal(number)
        bench.communicate(timeout=60)
    assert bench.returncode == 128 + number
    wait_until(lambda: not processes_in(on_disk), what="the end of every child")
    assert list(on_disk.iterdir()) == []
