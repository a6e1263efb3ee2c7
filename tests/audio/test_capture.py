import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count, pairwise

import numpy as np
import pytest

from edgetx.audio import capture
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.capture import Capture
from edgetx.audio.format import AudioFormat, Chunk, Gap, SampleFormat
from edgetx.audio.frontend import Listen, front_end
from edgetx.audio.heard import Bearing, FrontEnd, Heard, Remark
from edgetx.audio.log import AudioLog
from edgetx.audio.source import Forbidden, Stalled
from edgetx.audio.states import FOLLOWING
from edgetx.audio.wav import WavSource
from edgetx.config import AlsaSettings, WavSettings
from edgetx.errors import Refused, TryAgain
from tests.rigs.microphones import Overrun, readings, wait_until, wav_bytes

RATE = 16000
Step = Chunk | Gap | Exception | Callable[[], None]


class Scripted:
    """A source that goes through its script: pieces are returned, errors raised, functions called; then it ends."""

    def __init__(self, *script: Step, rate: int = RATE, refusal: Exception | None = None) -> None:
        self.format = AudioFormat(rate, 1, SampleFormat.S16_LE)
        self._script = list(script)
        self._refusal = refusal
        self.closed = 0

    def open(self) -> None:
        if self._refusal is not None:
            raise self._refusal

    def read(self) -> Chunk | Gap | None:
        while self._script:
            step = self._script.pop(0)
            if isinstance(step, Exception):
                raise step
            if isinstance(step, Chunk | Gap):
                return step
            step()
        return None

    def close(self) -> None:
        self.closed += 1


class Bench:
    """A capture and everything that it reports, in order."""

    def __init__(
        self,
        *sources,
        listen: Listen = "auto",
        make_ears: Callable[[AudioFormat], FrontEnd | None] | None = None,
        clock: Callable[[], float] | None = None,
        start: int = 0,
        **more,
    ) -> None:
        self.now = 100.0
        self.said: list[tuple] = []
        self.observed: list[tuple[int, float]] = []
        self.measured: list[tuple[AudioFormat, Chunk, bytes]] = []
        self.log = AudioLog(keep_seconds=60, start=start)
        waiting = list(sources)
        self.capture = Capture(
            make_source=lambda: waiting.pop(0)() if callable(waiting[0]) else waiting.pop(0),
            make_ears=make_ears or partial(front_end, listen=listen),
            log=self.log,
            since=self.now,
            clock=clock or (lambda: self.now),
            random=lambda: 0.0,
            observe=lambda frame, seconds: self.observed.append((frame, seconds)),
            report_gap=lambda gap: self.said.append(("gap", gap.start, gap.frames, gap.cause)),
            report_state=lambda *state: self.said.append(state),
            measure=lambda *measured: self.measured.append(measured),
            **more,
        )

    def pass_by(self, seconds: float) -> Callable[[], None]:
        def act() -> None:
            self.now += seconds

        return act

    def states(self) -> list[str]:
        """What it was, one after another; each may follow on the one before."""
        states = [said[0] for said in self.said if said[0] != "gap"]
        for before, after in pairwise(states):
            assert after == before or after in FOLLOWING[before]
        return states

    def gaps(self) -> list[tuple]:
        return [said[1:] for said in self.said if said[0] == "gap"]

    def is_in(self, state: str) -> Callable[[], bool]:
        return lambda: self.states()[-1:] == [state]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it capture in a thread of its own, and stop it at the end."""
        thread = threading.Thread(target=self.capture.run)
        thread.start()
        try:
            yield
        finally:
            self.capture.stop()
            thread.join(10)
            assert not thread.is_alive()


def chunk(start: int, frames: int, value: int = 1000) -> Chunk:
    return Chunk(start, frames, np.full(frames, value, "<i2").tobytes())


def test_a_recording_is_heard_to_its_end_and_finishes_the_log():
    source = Scripted(chunk(0, 1600), chunk(1600, 800))
    bench = Bench(source)
    bench.capture.run()
    assert bench.said == [("opening", ""), ("running", "16000:S16_LE:1"), ("ended", "")]
    assert (bench.log.end, bench.log.ended) == (2400, True)
    assert [(form, piece.start, len(pcm)) for form, piece, pcm in bench.measured] == [
        (source.format, 0, 3200),
        (source.format, 1600, 1600),
    ]
    assert source.closed == 1


def test_what_runs_is_described_once_its_front_end_is_known():
    known: list[AudioFormat] = []
    bench = Bench(Scripted(chunk(0, 1600)), make_ears=known.append, describe=lambda form: f"{form} {len(known)}")
    bench.capture.run()
    assert bench.said[1] == ("running", "16000:S16_LE:1 1")


def test_what_the_device_delivered_is_observed_not_what_the_resampler_let_out():
    bench = Bench()
    replay(bench, Scripted(chunk(0, 4800), bench.pass_by(0.1), chunk(4800, 2400), rate=48000))
    assert bench.observed == [(1600, 100.0)]
    assert bench.log.end == 2400
    assert ("running", "48000:S16_LE:1") in bench.said


def test_the_log_says_when_sound_came_last_before_anybody_hears_that_it_runs():
    bench = Bench()
    told: list[float] = []
    bench.capture._report_state = lambda *_: told.append(bench.log.heard_at)
    bench.capture._make_source = lambda: Scripted(chunk(0, 1600), bench.pass_by(0.1), chunk(1600, 1600))
    bench.capture.run()
    assert told[0] == float("-inf")
    assert told[1] == 100.0
    assert bench.log.heard_at == pytest.approx(100.1)


def test_once_a_second_it_is_observed_when_sound_was_read():
    bench = Bench()
    tenths = [piece for n in range(11) for piece in (chunk(1600 * n, 1600), bench.pass_by(0.1))]
    replay(bench, Scripted(*tenths))
    assert [frame for frame, _ in bench.observed] == [1600, 1600 * 11]


def test_an_overrun_is_reported_at_16_khz_and_advances_the_numbers():
    bench = Bench(Scripted(chunk(0, 4800), Gap(4800, 48000, "overrun"), chunk(52800, 4800), rate=48000))
    bench.capture.run()
    assert ("gap", 1600, 16000, "overrun") in bench.said
    assert bench.log.read(1600, 10).start == 17600
    assert bench.log.end == 19200


def test_an_overrun_that_cost_nothing_is_reported_too():
    bench = Bench(Scripted(Gap(0, 0, "overrun"), chunk(0, 1600)))
    bench.capture.run()
    assert bench.said[1] == ("gap", 0, 0, "overrun")
    assert bench.log.end == 1600


def test_a_device_that_is_away_at_the_stop_leaves_a_hole_to_the_end():
    bench = Bench()

    def stop() -> None:
        bench.now += 2
        bench.capture.stop()
        raise TryAgain("It is still gone.")

    replay(bench, Scripted(chunk(0, 1600), TryAgain("It is gone.")), Scripted(stop))
    assert bench.said[-2:] == [("gap", 1600, 32000, "device"), ("stopped", "")]
    assert bench.log.end == 33600


def test_a_device_that_went_and_came_back_left_a_hole_as_long_as_it_was_away():
    bench = Bench()
    first = Scripted(chunk(0, 1600), TryAgain("It is gone."))
    still = Scripted(refusal=TryAgain("It is gone."))
    again = Scripted(bench.pass_by(3.1), chunk(0, 1600))
    bench = replay(bench, first, still, again)
    assert bench.said == [
        ("opening", ""),
        ("running", "16000:S16_LE:1"),
        ("absent", "It is gone."),
        ("gap", 1600, 48000, "device"),
        ("running", "16000:S16_LE:1"),
        ("ended", ""),
    ]
    assert bench.log.end == 1600 + 48000 + 1600
    assert bench.observed[-1] == (51200, pytest.approx(103.1))


def replay(bench: Bench, *sources) -> Bench:
    """Let ``bench`` capture from sources that were made with its clock."""
    waiting = list(sources)
    bench.capture._make_source = lambda: waiting.pop(0)
    bench.capture.run()
    return bench


def test_a_hole_at_the_end_of_a_stretch_is_not_reported_twice():
    bench = Bench()
    first = Scripted(chunk(0, 1600), bench.pass_by(1), Gap(1600, 16000, "overrun"), TryAgain("It is gone."))
    again = Scripted(bench.pass_by(1.1), chunk(0, 1600))
    replay(bench, first, again)
    assert [said for said in bench.said if said[0] == "gap"] == [
        ("gap", 1600, 16000, "overrun"),
        ("gap", 17600, 16000, "device"),
    ]


def test_what_lags_in_the_resampler_is_kept_when_the_device_goes():
    bench = Bench(Scripted(chunk(0, 4800), TryAgain("It is gone."), rate=48000), Scripted())
    bench.capture.run()
    assert bench.log.end == 1600


def test_before_the_first_sound_nothing_is_missed():
    bench = Bench()
    replay(bench, Scripted(refusal=TryAgain("Not yet.")), Scripted(bench.pass_by(60), chunk(0, 1600)))
    assert bench.states() == ["opening", "absent", "running", "ended"]
    assert bench.log.end == 1600


def test_when_the_numbers_of_an_earlier_run_go_on_what_passes_until_the_device_delivers_is_a_hole():
    bench = Bench(start=RATE)
    source = Scripted(bench.pass_by(3.0), chunk(0, RATE))
    bench.capture._make_source = lambda: source
    bench.capture.run()
    assert ("gap", RATE, 2 * RATE, "device") in bench.said
    assert bench.log.read(0, 10 * RATE).start == 3 * RATE
    assert bench.log.end == 4 * RATE


def test_so_is_what_passes_before_capture_begins():
    bench = Bench(start=RATE)
    source = Scripted(bench.pass_by(3.0), chunk(0, RATE))
    bench.capture._make_source = lambda: source
    bench.now += 0.5
    bench.capture.run()
    assert ("gap", RATE, 2 * RATE + RATE // 2, "device") in bench.said


def test_a_refusal_is_shown_and_tried_again_until_stopped():
    bench = Bench(Scripted(refusal=Refused("It does not do that.")))
    thread = threading.Thread(target=bench.capture.run)
    thread.start()
    wait_until(lambda: "error" in bench.states(), what="the refusal")
    bench.capture.stop()
    thread.join(10)
    assert bench.said == [("opening", ""), ("error", "It does not do that."), ("stopped", "")]
    assert bench.log.ended


FORBIDDEN = Forbidden("The capture device hw:1 may not be opened: add the user to the group 'audio'.")


@pytest.mark.parametrize("before", [TryAgain("There is no device."), Stalled("No sound.")])
def test_a_device_that_has_just_appeared_is_absent_until_udev_has_given_it_to_its_group(monkeypatch, before):
    monkeypatch.setattr(capture, "UDEV_SECONDS", 0.01)
    bench = Bench(Scripted(refusal=before), Scripted(refusal=FORBIDDEN), Scripted(chunk(0, 1600)))
    bench.capture._waits = iter(lambda: 0.01, None)
    bench.capture.run()
    assert "error" not in bench.states()
    assert bench.states()[-2:] == ["running", "ended"]


def test_a_device_that_may_not_be_opened_for_longer_is_in_error(monkeypatch):
    monkeypatch.setattr(capture, "UDEV_SECONDS", 0.01)
    bench = Bench(Scripted(refusal=TryAgain("There is no device.")), *[Scripted(refusal=FORBIDDEN)] * 2)
    bench.capture._waits = iter(lambda: 0.01, None)
    with bench.running():
        wait_until(bench.is_in("error"), what="the refusal")
    told = [("absent", "There is no device."), ("absent", str(FORBIDDEN)), ("error", str(FORBIDDEN))]
    assert [said for said in bench.said if said[0] in {"absent", "error"}] == told


def test_a_device_that_was_there_and_may_not_be_opened_is_in_error_at_once():
    bench = Bench(Scripted(refusal=FORBIDDEN))
    with bench.running():
        wait_until(bench.is_in("error"), what="the refusal")
    assert bench.states() == ["opening", "error", "stopped"]


def test_a_channel_that_the_source_lacks_is_a_refusal():
    bench = Bench(Scripted(chunk(0, 1)), listen=3)
    bench._report = bench.capture._report_state
    bench.capture._report_state = lambda *state: (bench._report(*state), state[0] == "error" and bench.capture.stop())
    bench.capture.run()
    assert bench.states() == ["opening", "error", "stopped"]
    assert bench.said[1][1].startswith("Channel 3 does not exist: the source has 1")


def test_stopping_while_it_reads_closes_the_source_and_keeps_quiet_about_it():
    bench = Bench()
    source = Scripted(chunk(0, 1600), bench.capture.stop, TryAgain("It was closed."))
    replay(bench, source)
    assert bench.states() == ["opening", "running", "stopped"]
    assert source.closed == 2
    replay(Bench(), stopped := Scripted(chunk(0, 1600), chunk(1600, 1600)))
    assert stopped.closed == 1


def test_stopped_between_two_periods_it_takes_no_further_one():
    bench = Bench()
    replay(bench, Scripted(bench.capture.stop, chunk(0, 1600), chunk(1600, 1600)))
    assert bench.log.end == 1600
    assert bench.states()[-1] == "stopped"


def test_stopped_before_it_began_it_opens_nothing():
    bench = Bench()
    bench.capture.stop()
    bench.capture.run()
    assert bench.states() == ["opening", "stopped"]


def test_what_nobody_expected_is_raised_and_the_device_let_go():
    source = Scripted(chunk(0, 1600), ZeroDivisionError("a bug"))
    bench = Bench(source)
    with pytest.raises(ZeroDivisionError):
        bench.capture.run()
    assert source.closed == 1


def test_a_wav_file_arrives_in_the_log_whole():
    path = readings()[1]
    bench = Bench(lambda: WavSource(WavSettings(path, pace="fast"), time.monotonic, time.sleep), clock=time.monotonic)
    bench.capture.run()
    assert bench.log.read(0, 10**7).pcm == wav_bytes(path)


def test_a_real_microphone_arrives_in_the_log_whole(fifo):
    bench = Bench(lambda: AlsaSource(AlsaSettings(fifo.name), time.monotonic), clock=time.monotonic)
    thread = threading.Thread(target=bench.capture.run)
    thread.start()
    pcm = wav_bytes(readings()[1])
    pcm = pcm[: len(pcm) // 3200 * 3200]
    fifo.play(pcm, pace=50)
    wait_until(lambda: bench.log.end == len(pcm) // 2, what="the last frame")
    bench.capture._halted = bench.capture._stopped = (
        True  # The file plugin reads inside the library, out of reach of a close.
    )
    fifo.silence(0.1)
    thread.join(10)
    assert bench.log.read(0, len(pcm) // 2).pcm == pcm
    assert bench.states() == ["opening", "running", "stopped"]


def test_a_real_microphone_that_is_unplugged_is_picked_up_again_when_it_is_back(pulse):
    sources = [lambda: AlsaSource(AlsaSettings(pulse.name), time.monotonic)] * 10000
    bench = Bench(*sources, clock=time.monotonic)
    bench.capture._waits = iter(lambda: 0.02, None)
    thread = threading.Thread(target=bench.capture.run)
    thread.start()
    wait_until(lambda: bench.log.end > 0, what="the first sound")
    pulse.vanish()
    wait_until(lambda: "absent" in bench.states(), what="the loss")
    end = bench.log.end
    pulse.return_()
    wait_until(lambda: bench.log.end > end, what="the return")
    bench.capture.stop()
    thread.join(10)
    gaps = [said for said in bench.said if said[0] == "gap"]
    assert [(start, cause) for _, start, _, cause in gaps] == [(end, "device")]
    assert bench.log.read(end, 1).start == end + gaps[0][2]
    assert (bench.states()[0], bench.states()[-1]) == ("opening", "stopped")


# --- stalls ----------------------------------------------------------------------------------------------------


def test_a_device_that_stalls_is_called_so_until_it_delivers():
    bench = Bench()
    replay(
        bench,
        Scripted(chunk(0, 1600), bench.pass_by(1.6), Stalled("It delivers nothing.")),
        Scripted(bench.pass_by(5), Stalled("It delivers nothing.")),
        Scripted(bench.pass_by(0.1), chunk(0, 1600)),
    )
    assert bench.states() == ["opening", "running", "stalled", "running", "ended"]
    assert bench.gaps() == [(1600, round(6.6 * RATE), "device")]


def test_a_device_that_stalls_and_then_is_gone_is_absent():
    bench = Bench()
    replay(
        bench,
        Scripted(chunk(0, 1600), Stalled("It delivers nothing.")),
        Scripted(refusal=TryAgain("It is gone.")),
        Scripted(chunk(0, 1600)),
    )
    assert bench.states() == ["opening", "running", "stalled", "absent", "running", "ended"]


def test_a_stall_is_told_before_the_device_is_closed():
    bench = Bench()
    source = Scripted(chunk(0, 1600), Stalled("It delivers nothing."))
    told = []
    source.close = lambda: told.append(bench.states()[-1])
    replay(bench, source, Scripted())
    assert told == ["stalled"]


def test_a_device_that_delivers_a_moment_and_stalls_is_opened_less_and_less_often():
    bench = Bench()
    bench.capture._random = lambda: 1.0
    waited = []
    bench.capture._waits = iter([])
    bench.capture.look_again()
    bench.capture._pause = lambda _state, _detail, seconds: waited.append(round(seconds, 1))
    flapping = [Scripted(chunk(0, 1600), Stalled("It delivers nothing.")) for _ in range(6)]
    well = Scripted(*[chunk(RATE * n, RATE) for n in range(6)], Stalled("It delivers nothing."))
    replay(bench, *flapping, well, Scripted())
    assert waited == [0.6, 1.1, 2.1, 4.1, 5.1, 5.1, 0.6]


# --- digital silence -------------------------------------------------------------------------------------------


def tenths(values: list[int | None], *, first: int = 0) -> list[Chunk]:
    """A tenth of a second of each value; None is a noise."""
    random = np.random.default_rng(1)
    sounds = [random.integers(-500, 500, 1600, "<i2") if v is None else np.full(1600, v, "<i2") for v in values]
    return [Chunk(first + 1600 * n, 1600, sound.tobytes()) for n, sound in enumerate(sounds)]


def changes(values: list[int | None], **more) -> list[tuple[float, str]]:
    """At which second of sound, at its chunk's end, which state began."""
    bench = Bench(Scripted(*tenths(values)), **more)
    seen: list[tuple[float, str]] = []
    report = bench.capture._report_state
    bench.capture._report_state = lambda state, detail: (report(state, detail), seen.append((bench.log.end, state)))
    bench.capture.run()
    assert bench.log.end == 1600 * len(values)
    assert bench.gaps() == []
    bench.states()
    return [(end / RATE, state) for end, state in seen if state in {"running", "silent"}]


@pytest.mark.parametrize("begins", range(1, 14))
def test_digital_silence_is_noticed_when_it_has_lasted_whenever_it_began(begins):
    sound = [None] * begins + [0] * 40
    assert changes(sound, silent_seconds=1.5) == [(0, "running"), (pytest.approx(begins / 10 + 1.5), "silent")]


def test_the_first_sound_ends_it():
    values = [0] * 20 + [None] + [0] * 9
    assert changes(values, silent_seconds=1.5) == [(0, "running"), (1.5, "silent"), (2.1, "running")]


def test_any_value_that_stays_is_silence_and_is_named():
    bench = Bench(Scripted(*tenths([1234] * 11)), silent_seconds=1)
    bench.capture.run()
    assert ("silent", "The device delivers nothing but the value 1234.") in bench.said


def test_pauses_that_are_shorter_are_none():
    assert changes(([None] * 5 + [0] * 14) * 4, silent_seconds=1.5) == [(0, "running")]


def test_where_it_is_not_looked_for_it_is_not_found():
    assert changes([0] * 60) == [(0, "running")]


@pytest.mark.parametrize(("listen", "is_silent"), [(0, True), (1, False), ("mix", False)])
def test_of_several_channels_those_count_that_are_listened_to(listen, is_silent):
    noise = np.random.default_rng(1).integers(-500, 500, (RATE * 3, 1), "<i2")
    both = np.hstack([np.zeros_like(noise), noise])
    source = Scripted(*(Chunk(n, 1600, both[n : n + 1600].tobytes()) for n in range(0, len(both), 1600)))
    source.format = AudioFormat(RATE, 2, SampleFormat.S16_LE)
    bench = Bench(source, listen=listen, silent_seconds=1.5)
    bench.capture.run()
    assert ("silent" in bench.states()) is is_silent


def test_silence_is_noticed_behind_a_resampler_too():
    bench = Bench(Scripted(*(Chunk(4800 * n, 4800, bytes(9600)) for n in range(20)), rate=48000), silent_seconds=1.5)
    bench.capture.run()
    assert bench.states() == ["opening", "running", "silent", "ended"]


def test_a_device_that_comes_back_is_listened_to_anew():
    bench = Bench(silent_seconds=1.0)
    first = Scripted(*tenths([0] * 11), bench.pass_by(1.2), TryAgain("It is gone."))
    replay(bench, first, Scripted(*tenths([0] * 9)))
    assert bench.states() == ["opening", "running", "silent", "absent", "running", "ended"]


# --- mute ------------------------------------------------------------------------------------------------------


def test_muted_it_closes_the_device_and_what_goes_by_is_a_gap_of_its_own_cause():
    bench = Bench()
    first = Scripted(chunk(0, 1600), lambda: bench.capture.mute(True), TryAgain("It was closed."))
    bench._report = bench.capture._report_state

    def report(state: str, detail: str) -> None:
        bench._report(state, detail)
        if state == "muted":
            assert first.closed == 2
            bench.now += 10
            bench.capture.mute(False)

    bench.capture._report_state = report
    replay(bench, first, Scripted(bench.pass_by(0.3), chunk(0, 1600)))
    assert bench.states() == ["opening", "running", "muted", "opening", "running", "ended"]
    assert bench.gaps() == [(1600, round(10.2 * RATE), "muted")]
    assert bench.log.end == 1600 + round(10.2 * RATE) + 1600


def test_muted_from_the_beginning_it_opens_nothing_until_it_is_wanted():
    bench = Bench(start=RATE, muted=True)
    opened = []
    bench.capture._make_source = lambda: opened.append(bench.now) or Scripted(chunk(0, 1600))
    thread = threading.Thread(target=bench.capture.run)
    thread.start()
    wait_until(bench.is_in("muted"), what="the mute")
    bench.now += 60.1
    bench.capture.look_again()
    bench.capture.mute(False)
    thread.join(10)
    assert opened == [160.1]
    assert bench.states() == ["opening", "muted", "opening", "running", "ended"]
    assert bench.gaps() == [(RATE, 60 * RATE, "muted")]


def test_something_plugged_in_does_not_unmute():
    bench = Bench(muted=True)
    with bench.running():
        wait_until(bench.is_in("muted"), what="the mute")
        bench.capture.look_again()
        wait_until(lambda: not bench.capture._wake.is_set(), what="the look")
        assert bench.states() == ["opening", "muted"]
    assert bench.states() == ["opening", "muted", "stopped"]


def test_stopped_while_muted_the_gap_is_told():
    bench = Bench(start=RATE, muted=True)
    with bench.running():
        wait_until(bench.is_in("muted"), what="the mute")
        bench.now += 5
    assert bench.said[-2:] == [("gap", RATE, 5 * RATE, "muted"), ("stopped", "")]


def test_what_an_absent_device_lost_before_and_after_a_mute_has_its_own_cause():
    bench = Bench(start=RATE)
    away = [Scripted(bench.pass_by(3), lambda: raise_(TryAgain("It is gone."))) for _ in range(2)]
    report = bench.capture._report_state

    def act(state: str, detail: str) -> None:
        report(state, detail)
        if state == "absent" and bench.states().count("absent") == 1:
            bench.capture.mute(True)
        if state == "muted":
            bench.now += 10
            bench.capture.mute(False)

    bench.capture._report_state = act
    replay(bench, *away, Scripted(bench.pass_by(2), chunk(0, 1600)))
    assert bench.states() == ["opening", "absent", "muted", "opening", "absent", "running", "ended"]
    assert bench.gaps() == [
        (RATE, 3 * RATE, "device"),
        (4 * RATE, 13 * RATE, "muted"),
        (17 * RATE, round(1.9 * RATE), "device"),
    ]


def raise_(error: Exception) -> None:
    raise error


def test_muted_and_unmuted_in_a_hurry_it_closes_the_device_and_opens_it_again():
    bench = Bench()

    def hurry() -> None:
        bench.capture.mute(True)
        bench.capture.mute(False)
        raise TryAgain("It was closed.")

    replay(bench, Scripted(chunk(0, 1600), hurry), Scripted(chunk(0, 1600)))
    assert bench.states() == ["opening", "running", "muted", "opening", "running", "ended"]


def test_muted_again_while_it_is_being_unmuted_it_stays_muted():
    bench = Bench(muted=True)

    class Woken(threading.Event):
        def clear(self) -> None:
            super().clear()
            if bench.capture._muted is False and not self.again:
                self.again = True
                bench.capture.mute(True)

        again = False

    bench.capture._wake = Woken()
    with bench.running():
        wait_until(bench.is_in("muted"), what="the mute")
        bench.capture.mute(False)
        wait_until(lambda: bench.capture._wake.again, what="the second mute")
        wait_until(lambda: not bench.capture._wake.is_set(), what="the rest")
    assert bench.states() == ["opening", "muted", "stopped"]


def test_a_recording_that_is_muted_has_not_ended():
    bench = Bench()
    muting = Scripted(chunk(0, 1600), lambda: bench.capture.mute(True))
    bench.capture._make_source = iter([muting, Scripted(chunk(0, 1600))]).__next__
    thread = threading.Thread(target=bench.capture.run)
    thread.start()
    wait_until(bench.is_in("muted"), what="the mute")
    bench.capture.mute(False)
    thread.join(10)
    assert bench.states() == ["opening", "running", "muted", "opening", "running", "ended"]


# --- looking again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trouble", "state"), [(TryAgain("It is gone."), "absent"), (Refused("No."), "error")])
def test_told_that_something_was_plugged_in_it_looks_at_once(trouble, state):
    bench = Bench(Scripted(refusal=trouble), Scripted(chunk(0, 1600)))
    bench.capture._waits = iter(lambda: 3600.0, None)
    thread = threading.Thread(target=bench.capture.run)
    thread.start()
    wait_until(bench.is_in(state), what=state)
    bench.capture.look_again()
    thread.join(10)
    assert bench.states() == ["opening", state, "running", "ended"]


def test_an_overrun_is_recovered_from_without_opening_the_device_again(fifo):
    opened = count()
    sources = []

    def make_source() -> AlsaSource:
        next(opened)
        sources.append(AlsaSource(AlsaSettings(fifo.name), time.monotonic))
        return sources[-1]

    bench = Bench(clock=time.monotonic)
    bench.capture._make_source = make_source
    with bench.running():
        fifo.play(bytes(3200))
        wait_until(lambda: bench.log.end == 1600, what="the first sound")
        sources[0]._pcm = Overrun(sources[0]._pcm)
        fifo.write(bytes(3200))  # For the read that is under way.
        wait_until(bench.gaps, what="the overrun")
        fifo.write(bytes(3200))
        wait_until(lambda: bench.log.end > bench.gaps()[0][0] + bench.gaps()[0][1] + 1599, what="more sound")
        bench.capture._halted = bench.capture._stopped = True
        fifo.silence(0.1)
    assert next(opened) == 1
    assert bench.states() == ["opening", "running", "stopped"]
    assert [cause for _, _, cause in bench.gaps()] == ["overrun"]


def alsa_bench(pulse, **more) -> Bench:
    bench = Bench(clock=time.monotonic, **more)
    bench.capture._make_source = lambda: AlsaSource(AlsaSettings(pulse.name), time.monotonic)
    return bench


def test_a_real_device_that_stalls_is_called_so_within_two_seconds_and_taken_again(pulse):
    bench = alsa_bench(pulse)
    with bench.running():
        wait_until(bench.is_in("running"), what="the first sound")
        with pulse.frozen():
            frozen = time.monotonic()
            wait_until(lambda: "stalled" in bench.states(), what="the stall")
            assert time.monotonic() - frozen < 2
        wait_until(bench.is_in("running"), seconds=40, what="the return")
    assert bench.states() == ["opening", "running", "stalled", "running", "stopped"]
    ((_, missing, cause),) = bench.gaps()
    assert cause == "device"
    assert missing > RATE


def test_a_real_device_that_delivers_only_zeros_is_silent_within_two_seconds_until_there_is_sound(pulse):
    bench = alsa_bench(pulse, silent_seconds=1.5)
    with bench.running():
        wait_until(bench.is_in("running"), what="the first sound")
        began = time.monotonic()
        wait_until(bench.is_in("silent"), what="the silence")
        assert time.monotonic() - began < 2
        with pulse.playing(readings()[1]):
            wait_until(bench.is_in("running"), what="the sound")
    assert bench.gaps() == []


def test_a_real_device_that_is_muted_is_closed_and_comes_back_at_once(pulse):
    bench = alsa_bench(pulse)
    with bench.running():
        wait_until(bench.is_in("running"), what="the first sound")
        assert pulse.readers() == 1
        bench.capture.mute(True)
        wait_until(bench.is_in("muted"), what="the mute")
        assert pulse.readers() == 0
        end, muted = bench.log.end, time.monotonic()
        bench.capture.look_again()
        wait_until(lambda: time.monotonic() > muted + 1, what="a second")
        bench.capture.mute(False)
        wait_until(bench.is_in("running"), what="the return")
    ((start, frames, cause),) = bench.gaps()
    assert (start, cause) == (end, "muted")
    assert frames > RATE / 2


class Spatial:
    """A front end that tells of each chunk where a talker was, half a chunk late, and at the flush what is left."""

    def __init__(self) -> None:
        self._end = 0

    def process(self, chunk: Chunk) -> Heard:
        self._end = chunk.end
        remarks = (Remark(3, "dead", "Channel 3 is dead."),) if not chunk.start else ()
        return Heard(chunk.start, chunk.data[:-1600], (Bearing(chunk.start, chunk.end - 800, 90.0, 0.8),), remarks)

    def flush(self) -> Heard:
        return Heard(self._end - 800, bytes(1600), (Bearing(self._end - 800, self._end, 91.0, 0.7),))


def test_what_an_array_tells_is_handed_on_with_the_numbers_of_the_log_and_so_is_what_it_tells_last():
    told = []
    bench = Bench(start=RATE, make_ears=lambda _: Spatial(), spatial=lambda *what: told.append(what))
    replay(bench, Scripted(bench.pass_by(1.1), chunk(0, 1600)))
    start = 2 * RATE
    assert told == [
        ((Bearing(start, start + 800, 90.0, 0.8),), (Remark(3, "dead", "Channel 3 is dead."),)),
        ((Bearing(start + 800, start + 1600, 91.0, 0.7),), ()),
    ]
    assert bench.log.end == start + 1600


def test_nobody_has_to_listen_to_what_an_array_tells():
    bench = Bench(Scripted(chunk(0, 1600)), make_ears=lambda _: Spatial())
    bench.capture.run()
    assert bench.log.end == 1600
