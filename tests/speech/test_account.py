from datetime import UTC, datetime, timedelta

import pytest

from edgetx.audio.format import RATE, Gap
from edgetx.audio.heard import Bearing
from edgetx.audio.spoken import Spoken
from edgetx.speech.account import PIECES, Account
from edgetx.speech.events import Direction, MicrophoneEvent, PlacedWord, SpeechEvent, Transcript, Utterance, Word
from edgetx.speech.ledger import Fate
from edgetx.speech.sent import Sent
from edgetx.speech.timeline import Timeline
from tests.rigs.detector import Loud

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Desk:
    """An account whose frame 0 was captured at noon, and what it delivered."""

    def __init__(self) -> None:
        self.delivered: list[SpeechEvent] = []
        timeline = Timeline(monotonic=lambda: 0.0, wall=NOON.timestamp)
        timeline.observe(0, 0.0)
        ids = iter(f"id{number}" for number in range(99))
        self.account = Account(
            timeline=timeline,
            deliver=self.delivered.append,
            new_id=lambda: next(ids),
            clock_synced=lambda: True,
            provider="aai",
        )
        self.sent = Sent()


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_final_is_placed_by_what_was_sent_and_settles_itself_and_the_silence_before_it():
    desk = Desk()
    desk.sent.add(2 * RATE, 4 * RATE)
    word = Word("hello", 1000, 1500, confidence=0.9, speaker="A")
    said = Utterance(
        "7", "hello", final=True, start_ms=1000, end_ms=1500, words=(word,), speaker="A", language="en", confidence=0.9
    )
    desk.account.understood(said, desk.sent, session="s1")
    assert desk.delivered == [
        Transcript(
            id="s1-7",
            text="hello",
            final=True,
            start=after(3),
            end=after(3.5),
            frames=(3 * RATE, 3 * RATE + RATE // 2),
            provider="aai",
            session="s1",
            clock_synced=True,
            words=(PlacedWord("hello", after(3), after(3.5), confidence=0.9, speaker="A"),),
            speaker="A",
            language="en",
            confidence=0.9,
        )
    ]
    assert desk.account.ledger.settled == {Fate.TRANSCRIBED: RATE // 2, Fate.SILENT: RATE, Fate.LOST: 0}
    assert desk.account.ledger.owed(0, 6 * RATE) == [(0, 2 * RATE), (3 * RATE + RATE // 2, 6 * RATE)]


def test_a_partial_settles_nothing():
    desk = Desk()
    desk.sent.add(0, RATE)
    desk.account.understood(Utterance("0", "hel", final=False, start_ms=0, end_ms=300), desk.sent, session="s")
    assert desk.account.ledger.owed(0, RATE) == [(0, RATE)]


def test_an_utterance_without_times_covers_all_that_was_sent_and_is_not_settled_yet():
    desk = Desk()
    desk.sent.add(0, 2 * RATE)
    desk.account.ledger.settle(0, RATE, Fate.SILENT)
    desk.account.understood(Utterance("0", "yes", final=True), desk.sent, session="s")
    (transcript,) = desk.delivered
    assert isinstance(transcript, Transcript)
    assert transcript.frames == (RATE, 2 * RATE)
    assert transcript.estimated
    assert desk.account.ledger.owed(0, 2 * RATE) == []


@pytest.mark.parametrize(("start_ms", "end_ms", "estimated"), [(0, 500, False), (None, 500, True), (0, None, True)])
def test_times_that_the_provider_does_not_give_are_called_estimates(start_ms, end_ms, estimated):
    desk = Desk()
    desk.sent.add(0, RATE)
    desk.account.understood(Utterance("0", "x", final=True, start_ms=start_ms, end_ms=end_ms), desk.sent, session="s")
    (transcript,) = desk.delivered
    assert isinstance(transcript, Transcript)
    assert transcript.estimated is estimated


def test_times_that_run_backwards_give_an_empty_range():
    desk = Desk()
    desk.sent.add(0, RATE)
    desk.account.understood(Utterance("0", "x", final=True, start_ms=800, end_ms=200), desk.sent, session="s")
    (transcript,) = desk.delivered
    assert isinstance(transcript, Transcript)
    assert transcript.start == transcript.end == after(0.2)


def test_a_gap_is_told_once_with_its_extent_and_cause():
    desk = Desk()
    gap = Gap(RATE, RATE // 2, "overrun")
    desk.account.lose(gap)
    desk.account.lose(gap)
    told = {"cause": "overrun", "frames": [RATE, RATE * 3 // 2], "start": after(1), "end": after(1.5), "seconds": 0.5}
    assert desk.delivered == [MicrophoneEvent("id0", "gap", NOON, told)]
    assert desk.account.ledger.settled[Fate.LOST] == RATE // 2


def test_only_what_is_owed_can_be_given_up():
    desk = Desk()
    desk.account.ledger.settle(RATE, 2 * RATE, Fate.TRANSCRIBED)
    desk.account.lose_owed(0, 3 * RATE, cause="stopped")
    frames = [event.data["frames"] for event in desk.delivered if isinstance(event, MicrophoneEvent)]
    assert frames == [[0, RATE], [2 * RATE, 3 * RATE]]


def test_one_without_times_covers_only_what_its_own_session_was_sent_and_is_not_settled():
    desk = Desk()
    desk.account.ledger.settle(5 * RATE, 6 * RATE, Fate.SILENT)
    desk.sent.add(5 * RATE, 2 * RATE)
    desk.sent.add(9 * RATE, RATE)
    desk.account.understood(Utterance("0", "x", final=True), desk.sent, session="s", late=True)
    desk.account.understood(Utterance("1", "y", final=True), desk.sent, session="s")
    first, second = desk.delivered
    assert isinstance(first, Transcript)
    assert isinstance(second, Transcript)
    assert (first.frames, first.late) == ((6 * RATE, 10 * RATE), True)
    assert (second.frames, second.late) == ((10 * RATE, 10 * RATE), False)
    assert desk.account.ledger.settled[Fate.TRANSCRIBED] == 2 * RATE
    assert desk.account.ledger.owed(0, 10 * RATE) == [(0, 5 * RATE), (7 * RATE, 9 * RATE)]


def test_what_a_jump_left_out_is_not_settled_by_words_on_both_sides_of_it_nor_by_silence():
    desk = Desk()
    desk.sent.add(0, 2 * RATE)
    desk.sent.add(4 * RATE, 2 * RATE)
    desk.account.understood(Utterance("0", "x", final=True, start_ms=1000, end_ms=3000), desk.sent, session="s")
    desk.account.heard(desk.sent, until=6 * RATE)
    assert desk.account.ledger.owed(0, 6 * RATE) == [(2 * RATE, 4 * RATE)]
    assert desk.account.ledger.settled == {Fate.TRANSCRIBED: 2 * RATE, Fate.SILENT: 2 * RATE, Fate.LOST: 0}


def test_around_silence_that_was_left_out_words_and_frames_keep_their_places():
    desk = Desk()
    desk.sent.add(0, 2 * RATE)
    desk.account.left_out(2 * RATE, 9 * RATE)
    desk.sent.add(9 * RATE, 2 * RATE)
    words = (Word("on", 500, 1000), Word("off", 3000, 3500))
    said = Utterance("0", "on off", final=True, start_ms=500, end_ms=3500, words=words)
    desk.account.understood(said, desk.sent, session="s")
    (heard,) = desk.delivered
    assert isinstance(heard, Transcript)
    assert heard.frames == (RATE // 2, 10 * RATE + RATE // 2)
    assert [(word.start, word.end) for word in heard.words] == [(after(0.5), after(1)), (after(10), after(10.5))]
    silent, transcribed = 7 * RATE + RATE // 2, 3 * RATE
    assert desk.account.ledger.settled == {Fate.SILENT: silent, Fate.TRANSCRIBED: transcribed, Fate.LOST: 0}


def test_what_was_left_out_is_silent_though_it_was_not_sent():
    desk = Desk()
    desk.account.left_out(0, RATE)
    assert desk.account.ledger.settled[Fate.SILENT] == RATE


@pytest.mark.parametrize(("pieces", "silent"), [(PIECES - 1, RATE), (PIECES, 0)])
def test_quiet_is_silent_where_it_was_sent_as_long_as_the_ledger_is_in_few_pieces(pieces, silent):
    desk = Desk()
    desk.sent.add(2 * RATE, RATE)
    for piece in range(pieces):
        desk.account.ledger.settle(10 * RATE + 2 * piece, 10 * RATE + 2 * piece + 1, Fate.TRANSCRIBED)
    desk.account.quiet(desk.sent, RATE, 4 * RATE)
    assert desk.account.ledger.settled[Fate.SILENT] == silent
    assert len(desk.account.unanswered(desk.sent, 0, 4 * RATE)) == (not silent)


def test_a_transcript_says_where_its_talker_was_and_a_final_from_elsewhere_that_somebody_moved():
    desk = Desk()
    desk.sent.add(0, 4 * RATE)
    desk.account.directions.add(
        Bearing(n * RATE, (n + 1) * RATE, azimuth, 0.9) for n, azimuth in enumerate((90.0, 200.0, 300.0))
    )
    for second, final, late in (
        (0, True, False),
        (1, False, False),
        (1, True, True),
        (2, True, False),
        (3, True, False),
    ):
        said = Utterance(str(second), "hello", final=final, start_ms=second * 1000, end_ms=second * 1000 + 1000)
        desk.account.understood(said, desk.sent, session="s1", late=late)
    transcripts = [told for told in desk.delivered if isinstance(told, Transcript)]
    directions = [told.direction.azimuth_deg if told.direction else None for told in transcripts]
    assert directions == [90, 200, 200, 300, None]
    (moved,) = [told for told in desk.delivered if isinstance(told, MicrophoneEvent)]
    assert (moved.name, moved.data) == (
        "speaker_moved",
        {"direction": Direction(300, 0.9).fields(), "transcript": "s1-2"},
    )


def test_speech_is_told_with_its_frames_and_its_times():
    desk = Desk()
    desk.account.spoke(RATE, None)
    desk.account.spoke(RATE, 3 * RATE)
    started, stopped = desk.delivered
    assert isinstance(started, MicrophoneEvent)
    assert isinstance(stopped, MicrophoneEvent)
    assert (started.name, started.data) == ("speech_started", {"frame": RATE, "start": after(1)})
    assert stopped.name == "speech_stopped"
    assert stopped.data == {"frames": [RATE, 3 * RATE], "start": after(1), "end": after(3), "seconds": 2.0}


def test_what_is_known_to_be_no_speech_is_silent():
    desk = Desk()
    spoken = Spoken(Loud())
    spoken.hear(0, bytes(2 * RATE))
    desk.account.leave_out_silence(spoken)
    assert desk.account.ledger.settled[Fate.SILENT] == desk.account.ledger.frontier == spoken.decided == RATE // 2
