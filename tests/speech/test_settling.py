"""What is settled without a result: quiet soon, anything else after ten minutes, and what has not arrived never."""

import random
from array import array

import pytest

from edgetx.audio.format import RATE
from edgetx.audio.log import AudioLog
from edgetx.audio.spoken import Spoken
from edgetx.audio.spoken_log import SpokenLog
from edgetx.speech.account import PIECES, Account
from edgetx.speech.ledger import Fate
from edgetx.speech.sent import Sent
from edgetx.speech.settling import GIVE_UP_SECONDS, Settling
from edgetx.speech.silence import LEAD_FRAMES, TAIL_FRAMES
from edgetx.speech.timeline import Timeline
from tests.rigs.detector import Loud
from tests.rigs.hearing import bursts

CLATTER = random.Random(1)


def sound(*spells: tuple[float, bool]) -> bytes:
    """Return so many seconds each of quiet (False) or of clatter, no tenth of a second of which is like the next."""
    pcm = array("h")
    for seconds, loud in spells:
        for _ in range(round(seconds * 10)):
            level = CLATTER.choice((500, 5000)) if loud else 40
            pcm.extend(([0] * 16 + [level] * 16) * (RATE // 320))
    return pcm.tobytes()


class Bench:
    def __init__(
        self, pcm: bytes, *, keep_seconds: float = 120, sent: int | None = None, spoken: Spoken | None = None
    ) -> None:
        self.log = SpokenLog(spoken, keep_seconds=keep_seconds) if spoken else AudioLog(keep_seconds=keep_seconds)
        self.log.append(0, pcm)
        timeline = Timeline(monotonic=lambda: 0.0, wall=lambda: 0.0)
        self.account = Account(
            timeline=timeline, deliver=print, new_id=lambda: "id", clock_synced=lambda: True, provider="p"
        )
        self.sent = Sent()
        self.sent.add(0, self.log.end if sent is None else sent)
        self.settling = Settling(account=self.account, sent=self.sent, log=self.log)

    @property
    def owed(self) -> list[tuple[int, int]]:
        return self.account.ledger.owed(0, self.log.end)


SPELLS = (2.0, True), (6.0, False), (2.0, True), (1.0, False), (2.0, True)
QUIET = 2 * RATE + TAIL_FRAMES, 8 * RATE - LEAD_FRAMES


def test_quiet_that_has_waited_is_silent_and_the_rest_stays_owed():
    bench = Bench(sound(*SPELLS))
    for until in range(0, bench.log.end, RATE // 3):
        bench.settling.settle(5.0, until)
    assert bench.owed == [(0, QUIET[0]), (QUIET[1], bench.log.end)]
    assert bench.account.ledger.settled[Fate.SILENT] == QUIET[1] - QUIET[0]


def test_what_has_not_waited_or_was_not_sent_stays_owed():
    bench = Bench(sound(*SPELLS), sent=6 * RATE)
    bench.settling.settle(5.0, 5 * RATE)
    assert bench.owed == [(0, QUIET[0]), (5 * RATE - LEAD_FRAMES, bench.log.end)]
    bench.settling.settle(6.0, bench.log.end)
    assert bench.owed == [(0, QUIET[0]), (6 * RATE - LEAD_FRAMES, bench.log.end)]


def test_what_is_settled_already_is_not_looked_at():
    bench = Bench(sound(*SPELLS))
    bench.account.ledger.settle(0, 3 * RATE, Fate.TRANSCRIBED)
    bench.settling.settle(5.0, bench.log.end)
    assert bench.owed == [(3 * RATE, 3 * RATE + TAIL_FRAMES), (QUIET[1], bench.log.end)]


@pytest.mark.parametrize("keep_seconds", [4, 0.05])
def test_what_the_log_no_longer_has_stays_owed(keep_seconds):
    bench = Bench(sound(*SPELLS), keep_seconds=keep_seconds, sent=8 * RATE)
    bench.settling.settle(5.0, 8 * RATE)
    assert bench.owed == [(0, bench.log.end)]
    bench.settling.settle(6.0, 8 * RATE)
    assert bench.owed == [(0, bench.log.end)]


def test_after_ten_minutes_anything_that_has_arrived_is_silent():
    bench = Bench(sound((3.0, True)))
    bench.settling.settle(100.0, RATE)
    bench.settling.settle(110.0, 2 * RATE)
    bench.settling.settle(99.0 + GIVE_UP_SECONDS, 2 * RATE)
    assert bench.owed == [(0, bench.log.end)]
    bench.settling.settle(100.0 + GIVE_UP_SECONDS, 2 * RATE)
    assert bench.owed == [(RATE, bench.log.end)]
    bench.settling.settle(110.0 + GIVE_UP_SECONDS, 2 * RATE)
    assert bench.owed == [(2 * RATE, bench.log.end)]


@pytest.mark.parametrize(("pieces", "settles"), [(PIECES - 1, True), (PIECES, False)])
def test_the_ledger_does_not_fall_to_pieces(pieces, settles):
    bench = Bench(sound(*SPELLS))
    for piece in range(pieces):
        bench.account.ledger.settle(10**7 + 2 * piece, 10**7 + 2 * piece + 1, Fate.SILENT)
    bench.settling.settle(5.0, bench.log.end)
    assert (bench.owed != [(0, bench.log.end)]) is settles


SPEECH = bursts(1.0, 2.0, 1.5)
SPEECH_END = round(3.7 * RATE)
"""With the hang-over."""


def heard(*, words_end: float) -> Bench:
    """Speech from second 1 to 3, of which there are words until ``words_end``."""
    bench = Bench(SPEECH, spoken=Spoken(Loud()), sent=SPEECH_END)
    bench.account.ledger.settle(0, round(words_end * RATE), Fate.TRANSCRIBED)
    return bench


def test_what_is_behind_the_last_words_of_speech_that_has_ended_is_silent_when_it_has_waited():
    bench = heard(words_end=2.9)
    bench.settling.settle(5.0, SPEECH_END - 1)
    assert bench.owed == [(round(2.9 * RATE), bench.log.end)]
    bench.settling.settle(5.0, SPEECH_END)
    assert bench.owed == [(SPEECH_END, bench.log.end)]
    bench.settling.settle(6.0, SPEECH_END)
    assert bench.owed == [(SPEECH_END, bench.log.end)]


def test_speech_without_words_at_its_end_stays_owed():
    bench = heard(words_end=2.0)
    bench.settling.settle(5.0, SPEECH_END)
    assert bench.owed == [(2 * RATE, bench.log.end)]


def test_while_somebody_speaks_what_has_no_words_yet_stays_owed():
    bench = heard(words_end=3.5)
    bench.log.append(bench.log.end, bursts(0.0, 1.0))
    bench.settling.settle(5.0, SPEECH_END)
    assert bench.owed == [(round(3.5 * RATE), bench.log.end)]
