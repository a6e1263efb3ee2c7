import threading
import time

import numpy as np
import pytest

from edgetx.audio import alsa
from edgetx.audio.alsa import AlsaSource
from edgetx.audio.format import Chunk, Gap
from edgetx.audio.samples import decode
from edgetx.audio.source import Stalled
from edgetx.config import AlsaSettings
from edgetx.errors import Refused, TryAgain
from tests.rigs.microphones import Overrun, wait_until

PERIOD = 1600


def source_of(name: str, *, stall_seconds: float = 10.0, start_seconds: float = 10.0, **settings) -> AlsaSource:
    return AlsaSource(
        AlsaSettings(name, **settings), time.monotonic, stall_seconds=stall_seconds, start_seconds=start_seconds
    )


def opened(name: str, **settings) -> AlsaSource:
    source = source_of(name, **settings)
    source.open()
    return source


def trouble(source: AlsaSource, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        source.open()
    return str(caught.value)


def sound(frames: int, *, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, frames * 2, np.uint8).tobytes()


def read_on(source: AlsaSource) -> None:
    while True:
        source.read()


class Announced:
    """A PCM that says when it is being read."""

    def __init__(self, pcm) -> None:
        self._pcm = pcm
        self.entered = threading.Event()

    def __getattr__(self, name):
        return getattr(self._pcm, name)

    def read(self):
        self.entered.set()
        return self._pcm.read()


def test_what_the_device_delivers_comes_out_bit_by_bit_and_numbered(fifo):
    source = opened("fifo")
    assert str(source.format) == "16000:S16_LE:1"
    for n in range(3):
        fifo.write(sound(PERIOD, seed=n))
        chunk = source.read()
        assert chunk.start == n * PERIOD
        assert chunk.data == sound(PERIOD, seed=n)
    source.close()


def test_wide_samples_of_several_channels_are_decoded(fifo):
    source = opened("fifo", sample_rate=48000, channels=2, format="S24_3LE")
    fifo.write(b"\x00\x00\x80\x01\x00\x00" * 4800)
    chunk = source.read()
    samples = decode(chunk.data, source.format)
    assert samples.shape == (4800, 2)
    assert samples[0].tolist() == [-(2**31), 256]
    source.close()


@pytest.mark.usefixtures("fifo")
def test_where_nothing_is_set_the_device_decides():
    source = opened("fifo6")
    assert str(source.format) == "16000:S16_LE:6"
    source.close()


@pytest.mark.usefixtures("fifo")
def test_a_channel_count_that_the_device_does_not_have_is_refused_with_what_it_has():
    message = trouble(source_of("fifo6", channels=2), Refused)
    assert message.startswith("The device fifo6 does not do channels 2; it offers 8000, ")
    assert "6 channels, S16_LE, S24_3LE, S32_LE." in message


def test_a_rate_that_the_device_does_not_have_is_refused_with_what_it_has(pulse):
    message = trouble(source_of(pulse.name, sample_rate=900_000), Refused)
    assert message.startswith(f"The device {pulse.name} does not do sample_rate 900000; it offers 8000, ")
    assert "1-32 channels" in message


@pytest.mark.usefixtures("fifo")
def test_a_name_that_does_not_exist_is_answered_with_those_that_do():
    assert trouble(source_of("nope"), TryAgain) == "There is no capture device nope; there are: fifo."


def test_a_device_that_vanishes_is_gone_and_can_be_opened_when_it_is_back(pulse):
    source = opened(pulse.name)
    assert isinstance(source.read(), Chunk)
    pulse.vanish()
    with pytest.raises(TryAgain, match=f"The capture device {pulse.name} is gone: "):
        read_on(source)
    source.close()
    assert trouble(source_of(pulse.name), TryAgain).startswith(f"The capture device {pulse.name} cannot be opened")
    pulse.return_()
    source = opened(pulse.name)
    assert source.read().start == 0
    source.close()


def test_a_device_that_delivers_nothing_from_the_beginning_is_given_up(pulse):
    source = opened(pulse.name, start_seconds=0.0)
    with pytest.raises(Stalled, match="is open but delivers no sound"):
        source.read()
    source.close()


def test_a_device_that_delivers_no_more_is_given_up_sooner(pulse):
    source = opened(pulse.name, stall_seconds=0.5)
    assert source.read().start == 0
    with pulse.frozen():
        frozen = time.monotonic()
        with pytest.raises(Stalled, match="is open but delivers no sound"):
            read_on(source)
        assert 0.5 < time.monotonic() - frozen < 5
    source.close()


def test_as_shipped_a_stall_is_noticed_within_two_seconds():
    assert alsa.STALL_SECONDS + 2 * alsa.PERIOD_SECONDS < 2


def test_an_overrun_is_a_gap_as_long_as_the_clock_says_and_the_numbers_go_on(fifo):
    now = [100.0]
    source = AlsaSource(AlsaSettings("fifo"), lambda: now[0], stall_seconds=10)
    source.open()
    fifo.write(sound(PERIOD))
    source.read()
    source._pcm = Overrun(source._pcm)
    now[0] += 1.5
    assert source.read() == Gap(PERIOD, 24000, "overrun")
    fifo.write(sound(PERIOD))
    assert source.read().start == PERIOD + 24000
    source.close()


def test_an_overrun_after_the_first_period_is_measured_too(fifo):
    now = [100.0]
    source = AlsaSource(AlsaSettings("fifo"), lambda: now[0], stall_seconds=10)
    source.open()
    source._pcm = Overrun(source._pcm, length=0)  # As with every card: the first period is waited for.
    fifo.write(sound(PERIOD))
    assert source.read().start == 0
    source._pcm = Overrun(source._pcm)
    now[0] += 1.5
    assert source.read() == Gap(PERIOD, 24000, "overrun")
    source.close()


def test_a_reader_that_had_fallen_behind_before_the_overrun_lost_what_lay_unread_too(fifo):
    now = [100.0]
    source = AlsaSource(AlsaSettings("fifo"), lambda: now[0], stall_seconds=10)
    source.open()
    for _ in range(5):  # 100 ms of sound every 150 ms
        now[0] += 0.15
        fifo.write(sound(PERIOD))
        source.read()
    source._pcm = Overrun(source._pcm)
    now[0] += 0.5
    assert source.read() == Gap(5 * PERIOD, pytest.approx(0.7 * 16000, abs=32), "overrun")
    source.close()


def test_closing_from_another_thread_ends_a_read_at_once(pulse):
    source = opened(pulse.name, stall_seconds=60)
    ends: list[str] = []

    def read() -> None:
        try:
            read_on(source)
        except TryAgain as error:
            ends.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    wait_until(source._inside.locked, what="the read")
    source.close()
    reader.join(10)
    assert ends == [f"The capture device {pulse.name} was closed."]
    assert source._pcm is None


def test_a_reader_stuck_in_the_driver_closes_the_device_when_it_comes_out(fifo):
    source = opened("fifo")
    source._pcm = pcm = Announced(source._pcm)
    reader = threading.Thread(target=source.read)
    reader.start()
    assert pcm.entered.wait(10)
    source.close()
    assert source._pcm is pcm
    fifo.write(sound(PERIOD))
    reader.join(10)
    assert source._pcm is None


def test_a_closed_source_cannot_be_read_but_opened_again(fifo):
    source = opened("fifo")
    source.close()
    source.close()
    with pytest.raises(TryAgain, match="was closed"):
        source.read()
    source.open()
    fifo.write(sound(PERIOD))
    assert source.read().start == 0
    source.close()


def test_a_source_that_was_never_opened_has_no_format_and_can_be_closed():
    source = source_of("nope")
    source.close()
    with pytest.raises(RuntimeError, match="not opened"):
        _ = source.format
