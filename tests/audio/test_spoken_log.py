"""A log that has its sound heard: before anybody finds it there, and to its end."""

from edgetx.audio.log import AudioLog
from edgetx.audio.spoken import Spoken
from edgetx.audio.spoken_log import SpokenLog
from tests.rigs.detector import Loud


class Follower:
    def __init__(self, log: AudioLog, spoken: Spoken) -> None:
        self.log, self.spoken = log, spoken
        self.saw: list[tuple[int, int]] = []

    def take(self, _start: int, _pcm: bytes) -> bool:
        return False

    def look(self) -> None:
        self.saw.append((self.log.end, self.spoken.decided))


def test_who_looks_into_the_log_finds_what_is_known_of_its_sound():
    spoken = Spoken(Loud())
    log = SpokenLog(spoken, keep_seconds=10, start=100)
    follower = Follower(log, spoken)
    log.follow(follower)
    log.append(100, bytes(2 * 16_000))
    assert follower.saw == [(16_100, 8_100)]
    log.append(20_000, b"")
    log.append(20_000, bytes(320))
    assert spoken.silent() == [(100, 16_100)]
    log.rest()
    assert follower.saw[-1] == (20_160, 20_160)
    assert spoken.silent() == [(20_000, 20_160)]
    log.append(20_160, bytes(320))
    log.finish()
    assert log.ended
    assert spoken.decided == log.end == 20_320
    assert AudioLog(keep_seconds=1).spoken is None
