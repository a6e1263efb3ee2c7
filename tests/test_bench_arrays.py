"""The bench of arrays counts right and shows what it found. What it finds is no test's business."""

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "scripts")]

import bench_arrays_parts as parts  # noqa: E402
import bench_arrays_verdict as verdict  # noqa: E402
from bench_arrays_gate import opened_by  # noqa: E402
from bench_arrays_parts import RATE, Cost, Gated, Quirk, gated  # noqa: E402
from bench_arrays_quirks import QuirksTrial  # noqa: E402
from bench_arrays_run import measured  # noqa: E402
from bench_arrays_trial import Record  # noqa: E402
from bench_arrays_verdict import WIDTH, Aim  # noqa: E402
from bench_arrays_words import word_errors  # noqa: E402

from edgetx import boards  # noqa: E402
from edgetx.audio.speech_gate import Edge  # noqa: E402

SQUARE = boards.named("respeaker-4mic")


def record(way: str, errors: int, **other) -> Record:
    usual = {"board": "respeaker-4mic", "place": 0, "noise": "fan", "snr_db": 10.0, "warmth": "cold"}
    return Record(**usual | {"way": way, "errors": errors, "words": 10, "sdr_db": 5.0} | other)


def everything(**auto) -> list[Record]:
    """One channel gets all wrong, ``auto`` half of it."""
    return [
        each
        for snr in (10.0, 30.0)
        for warmth in verdict.WARMTHS
        for each in (
            record("one", 10, snr_db=snr, warmth=warmth),
            record("auto", 5, snr_db=snr, warmth=warmth, **{"off_deg": 3.0, "confidence": 0.9} | auto),
            record("sector", 3, snr_db=snr, warmth=warmth, off_deg=3.0, confidence=0.9),
        )
    ]


# --- words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("understood", "errors"),
    [("one two three", 0), ("one three", 1), ("one four three", 1), ("nine one two three", 1), ("", 3), ("six", 3)],
)
def test_word_errors_are_words_to_insert_delete_and_replace(understood, errors):
    assert word_errors(["one", "two", "three"], understood.split()) == errors


def test_errors_are_counted_of_the_words_said():
    assert verdict.word_error_rate([record("one", 5), record("one", 11)]) == 0.8


def test_an_utterance_without_a_direction_is_not_right():
    told = [record("auto", 0, off_deg=10.0), record("auto", 0, off_deg=11.0), record("auto", 0)]
    assert verdict.right(told) == pytest.approx(1 / 3)
    assert verdict.median_off(told) == 10.5


def test_words_are_aimed_at_as_a_share_of_one_channels_errors():
    aims = {aim.title: aim for aim in verdict.aims(everything(), {"respeaker-4mic": 4})}
    assert aims["words, auto, cold: of one channel's errors"].value == 0.5
    assert aims["words, auto, cold: of one channel's errors"].met
    assert not aims["words, auto, warm: of one channel's errors"].met
    assert aims["words, sector, warm: of one channel's errors"].met
    assert aims["words, auto, in quiet: points more than one channel"].value == -50


def test_other_boards_may_be_a_little_worse():
    others = [replace(each, board="ps3-eye") for each in everything()]
    aims = {aim.title: aim for aim in verdict.aims(others, {"ps3-eye": 4, "respeaker-2mic": 2})}
    assert aims["words, auto, warm: of one channel's errors"].bound == pytest.approx(0.5)
    assert aims["words, auto, warm: of one channel's errors"].met


def test_confidence_has_to_be_right_where_it_is_high():
    wrong = {aim.title: aim for aim in verdict.aims(everything(off_deg=90.0), {"respeaker-4mic": 4})}
    assert not wrong["direction right where it is sure"].met
    modest = {aim.title: aim for aim in verdict.aims(everything(off_deg=90.0, confidence=0.7), {"respeaker-4mic": 4})}
    assert "direction right where it is sure" not in modest


def test_the_spread_is_what_other_rooms_may_change():
    alike = [record("auto", 5, place=place) for place in range(4)]
    assert verdict.spread(alike, verdict.word_error_rate) == 0
    unlike = [record("auto", 10 * (place % 2), place=place) for place in range(16)]
    assert verdict.spread(unlike, verdict.word_error_rate) == pytest.approx(0.5 / 15**0.5)


def test_a_board_of_two_microphones_has_no_aims():
    assert verdict.aims([replace(each, board="respeaker-2mic") for each in everything()], {"respeaker-2mic": 2}) == []


# --- the gate --------------------------------------------------------------------------------------------------


def judged(spoken, opened, seconds: float = 60.0) -> Gated:
    def frames(spans):
        return [(int(start * RATE), int(end * RATE)) for start, end in spans]

    about = {"noise": "fan", "snr_db": 5.0, "down_db": 0.0, "distance_m": 1.0}
    return gated(frames(spoken), frames(opened), int(seconds * RATE), **about)


def test_an_utterance_of_which_less_than_half_comes_through_is_missed():
    assert judged([(10, 12)], []).missed == 1
    assert judged([(10, 12)], [(11.5, 13)]).missed == 1
    assert judged([(10, 12)], [(10.9, 13)]).missed == 0


def test_an_utterance_whose_first_frames_do_not_come_through_is_clipped():
    assert judged([(10, 12)], [(10.02, 13)]).clipped == 0
    assert judged([(10, 12)], [(10.1, 13)]).clipped == 1
    assert judged([(10, 12)], []).clipped == 0  # It is missed, which is worse.


def test_an_opening_is_false_when_nobody_spoke():
    found = judged([(10, 12)], [(9.6, 12.7), (30, 36)])
    assert found.false_openings == 1
    assert found.false_minutes == pytest.approx(0.1)
    assert judged([(10, 12)], [(12.5, 13.5)]).false_openings == 0  # That is its reverberation.


def test_what_is_saved_and_lost_are_shares():
    found = judged([(10, 12)], [(11, 14)])
    assert found.saved == pytest.approx(0.95)
    assert found.lost == pytest.approx(0.5)
    assert found.minutes == pytest.approx(58 / 60)


def test_a_gate_that_is_open_at_the_end_let_the_rest_through():
    class Gate:
        def hear(self, start, _pcm):
            return [Edge(100, speaking=True)] if start == 0 else []

        def end(self):
            return [Edge(RATE, speaking=False)]

    assert opened_by(Gate(), np.zeros(RATE, np.int16)) == [(100, RATE)]


# --- the tables ------------------------------------------------------------------------------------------------


def test_the_tables_fit_80_columns():
    records = [
        replace(each, confidence=confidence)
        for each in everything()
        for confidence in (0.1, 0.6, 0.9)
        for _ in range(99)
    ]
    aims = [Aim("respeaker-4mic", "words, auto, in quiet: points more than one channel", -1234.5, 1.0)]
    streams = [judged([(10, 12)], []), replace(judged([], []), noise="fan switched on", snr_db=None, false_openings=99)]
    streams.append(replace(streams[0], down_db=20.0))
    quirks = [Quirk("ps3-eye", "identical: all channels", is_found=True)] * 1234
    lines = [
        *verdict.table(records),
        *verdict.told(aims, "respeaker-4mic"),
        *parts.table(streams, quirks, [Cost("respeaker-core-6p1", 7, 1234.5, 1234.5)], 1234.5),
    ]
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1] == ""


def test_the_detail_has_a_line_for_every_noise_and_level():
    assert sum(line.startswith("fan") for line in verdict.detail(everything())) == 4


def test_json_counts_the_aims_and_names_those_that_are_not_met():
    aims = parts.aims([], [Quirk("ps3-eye", "dead", is_found=False)], [], 3.0)
    told = json.loads(json.dumps(verdict.as_json(everything(), aims) | parts.as_json([], [], [], 3.0)))
    assert told["aims"]["met"] == 1
    assert [aim["title"] for aim in told["aims"]["not_met"]] == ["dead: share recognised"]
    assert told["boards"]["respeaker-4mic"]["auto"]["cold"]["word_error_rate"] == 0.5


def test_a_quirk_is_a_share_of_all_that_were_planted():
    quirks = [Quirk("ps3-eye", "dead", is_found) for is_found in (True, True, True, False)]
    (aim,) = parts.aims([], quirks, [], None)
    assert aim.value == 0.75
    assert not aim.met


# --- the whole -------------------------------------------------------------------------------------------------


class Doubling:
    title = "doubling"

    def __init__(self, number):
        self.number = number

    def run(self):
        return [2 * self.number]


def test_trials_are_worked_off_by_processes(capsys):
    assert sorted(results[0] for _, results in measured([Doubling(n) for n in range(5)])) == [0, 2, 4, 6, 8]
    assert "5/5 doubling" in capsys.readouterr().err


def test_trials_can_be_sent_to_a_process():
    trial = QuirksTrial(SQUARE, 0, 1)
    assert pickle.loads(pickle.dumps(trial)) == trial


def test_a_board_that_there_is_not_is_named():
    command = [PROJECT / ".venv/bin/python", PROJECT / "scripts/bench_arrays.py", "--boards", "respeaker-5mic"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "respeaker-5mic" in refused.stderr
    assert "respeaker-4mic" in refused.stderr
