import threading

from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.held import LEAD_SECONDS, Held

DEADLINE_SECONDS = 10


class Recording:
    """A source that is always ready, and counts."""

    format = AudioFormat(16_000, 1, SampleFormat.S16_LE)

    def __init__(self) -> None:
        self.calls: list[str] = []

    def open(self) -> None:
        self.calls.append("open")

    def read(self) -> Chunk:
        self.calls.append("read")
        return Chunk(0, 1, bytes(2))

    def close(self) -> None:
        self.calls.append("close")

    def wait(self) -> None:
        self.calls.append("wait")


def test_it_reads_at_once_while_its_reader_keeps_up():
    recording = Recording()
    held = Held(recording, lambda: LEAD_SECONDS, waiting=recording.wait)
    held.open()
    assert held.format == recording.format
    assert held.read() is not None
    held.close()
    assert recording.calls == ["open", "read", "close"]


def test_it_waits_until_its_reader_has_come_near():
    lead = iter([9.0, 9.0, 1.0])
    recording = Recording()
    Held(recording, lambda: next(lead), waiting=recording.wait).read()
    assert recording.calls == ["wait", "wait", "read"]
    assert next(lead, None) is None


def test_a_close_from_another_thread_ends_the_wait():
    recording = Recording()
    held = Held(recording, lambda: 9.0, waiting=recording.wait)
    reader = threading.Thread(target=held.read)
    reader.start()
    held.close()
    reader.join(DEADLINE_SECONDS)
    assert not reader.is_alive()
