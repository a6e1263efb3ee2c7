"""The recogniser's protocol, with scripted speech detection; `test_process` runs the real one in its process."""

import io
import struct
from dataclasses import dataclass, field

from edgetx.speech.recogniser import LONGEST_SECONDS, Recogniser, messages

FRAME = b"\0\0" * 480


@dataclass
class Segment:
    word: str
    start_frame: int
    end_frame: int


@dataclass
class Hypothesis:
    hypstr: str


@dataclass
class Decoder:
    """Recognises one word a frame of speech: w0 w1 w2 …; counts from anew in each utterance."""

    frames: int = 0
    deaf: bool = False
    log: list[str] = field(default_factory=list)

    def start_utt(self):
        self.frames = 0
        self.log.append("start")

    def process_raw(self, speech, _no_search, _full_utt):
        self.frames += len(speech) // len(FRAME)

    def end_utt(self):
        self.log.append("end")

    def hyp(self):
        return None if self.deaf else Hypothesis(" ".join(f"w{n}" for n in range(self.frames)))

    def seg(self):
        words = [Segment(f"w{n}(2)", 3 * n, 3 * n + 2) for n in range(self.frames)]
        return [Segment("<s>", 0, 0), *words, Segment("<sil>", 0, 0)]


@dataclass
class Endpointer:
    """Finds speech where the script says ``s``; like the real one it opens ten frames late, with the past in hand."""

    script: str
    frame_bytes: int = len(FRAME)
    frame_length: float = 0.03
    in_speech: bool = False
    speech_start: float = 0.0
    at: int = 0

    def process(self, frame):
        speech = self.script[self.at] == "s"
        if speech and not self.in_speech:
            self.speech_start = self.at * self.frame_length
        self.in_speech = speech and self.script[self.at + 1 : self.at + 2] != "e"
        self.at += 1
        return frame if speech else None

    def end_stream(self, rest):
        self.in_speech = False
        return rest or None


def hear(script: str, *, finish: bool = False, deaf: bool = False) -> list[dict]:
    recogniser = Recogniser(Decoder(deaf=deaf), Endpointer(script))
    said = list(recogniser.feed(FRAME * len(script)))
    if finish:
        said += recogniser.finish()
    return said


def test_an_utterance_has_partials_then_its_final_with_word_times_then_progress():
    said = hear("." * 10 + "s" * 12 + "e")
    assert [message["type"] for message in said] == ["partial", "partial", "final", "heard"]
    final = said[2]
    assert (final["key"], final["start_ms"], final["end_ms"]) == ("0000", 300, 660)
    assert final["words"][1] == {"text": "w1", "start_ms": 330, "end_ms": 360}
    assert len(final["words"]) == 12
    assert said[3]["until_ms"] == 660


def test_long_silence_is_progress_less_the_endpointer_s_look_back():
    said = hear("." * 70)
    assert [message["type"] for message in said] == ["heard", "heard"]
    assert said[0]["until_ms"] == 1020 - 360


def test_nothing_recognised_gives_progress_only():
    assert [message["type"] for message in hear("s" * 12 + "e", deaf=True)] == ["heard"]


def test_speech_without_a_pause_is_cut_and_goes_on_where_it_was_cut():
    count = round(LONGEST_SECONDS / 0.03) + 2
    said = hear("s" * count + "s" * 40 + "e")
    finals = [message for message in said if message["type"] == "final"]
    assert [final["key"] for final in finals] == ["0000", "0001"]
    assert finals[1]["start_ms"] == finals[0]["end_ms"]


def test_finish_gives_the_last_words_of_an_utterance_that_was_under_way():
    said = hear("s" * 5, finish=True)
    assert [message["type"] for message in said] == ["final", "heard", "done"]


def test_finish_in_silence_is_just_done():
    assert [message["type"] for message in hear("...", finish=True)] == ["done"]


def test_finish_decodes_what_did_not_fill_a_frame():
    recogniser = Recogniser(Decoder(), Endpointer("sss"))
    said = [*recogniser.feed(FRAME * 3 + FRAME[:100]), *recogniser.finish()]
    assert said[0]["end_ms"] == 93


def test_messages_are_read_until_the_stream_ends_even_in_the_middle_of_one():
    stream = io.BytesIO(struct.pack("<cI", b"a", 4) + b"\1\2\3\4" + struct.pack("<cI", b"t", 2) + b"{}" + b"a\1")
    assert list(messages(stream)) == [(b"a", b"\1\2\3\4"), (b"t", b"{}")]
