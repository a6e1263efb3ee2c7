"""The judge of scripts/chaos catches what it is there for; and the whole, quickly, with real parts."""

import copy
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rigs.chaos import play as plays
from tests.rigs.chaos.judge import Evidence, Verdict, judge
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.report import WIDTH, Outcome, as_json, table
from tests.rigs.chaos.scenes import PLAYS
from tests.rigs.chaos.theatre import Theatre
from tests.rigs.microphones import wait_until
from tests.rigs.told_seconds import FIRST, HOP_FRAMES, LAST, RATE, Ears, parse, second, speech

CHAOS = Path(__file__).parents[1] / "scripts/chaos.py"
BEGAN = 1_800_000_000.0
SECONDS = 6


# --- the sound -------------------------------------------------------------------------------------------------


def heard(pcm: bytes) -> list[str]:
    ears = Ears(rate=RATE, silence_ms=400, twins=False)
    turns = [*ears.feed(pcm), *ears.end_turn()]
    return [word["text"] for turn in turns if turn["end_of_turn"] for word in turn["words"]]


def test_every_second_says_its_number_and_every_hop_which_it_is():
    assert heard(second(7) + second(8)) == ["7:10-79", "8:10-79"]
    assert heard(second(29_999)) == ["29999:10-79"]
    assert parse("7:10-30+50-79.") == [(7, 10, 31), (7, 50, 80)]


@pytest.mark.parametrize("cut", [1, 77, 159])
def test_wherever_a_session_begins_the_words_are_read(cut: int):
    assert heard(second(7)[2 * cut :] + second(8)) == ["7:10-79", "8:10-79"]


def test_what_is_left_out_of_a_word_or_comes_twice_is_heard():
    samples = np.frombuffer(second(7), "<i2")
    at = 30 * HOP_FRAMES
    left_out = np.concatenate([samples[:at], samples[at + 20 * HOP_FRAMES :]])
    doubled = np.concatenate([samples[:at], samples[at - 10 * HOP_FRAMES :]])
    assert heard(left_out.tobytes()) == ["7:10-29+50-79"]
    assert heard(doubled.tobytes()) == ["7:10-29+20-79"]


def test_the_speech_of_a_seed_is_always_the_same_and_the_numbers_are_the_seconds():
    first, again = (list(speech(seed)) for seed in (3, 3))
    assert first == again
    assert all(number in (None, second_) for second_, number in enumerate(first))


def test_what_no_ears_gave_is_no_word():
    with pytest.raises(ValueError, match="no word"):
        parse("hello")


# --- the judge -------------------------------------------------------------------------------------------------


def final(number: int, **more: Any) -> dict[str, Any]:
    """A final of the spoken second ``number``."""
    start = number * RATE + FIRST * HOP_FRAMES
    at = datetime.fromtimestamp(BEGAN + start / RATE, UTC).isoformat()
    said = f"{number}:{FIRST}-{LAST}"
    end = number * RATE + (LAST + 1) * HOP_FRAMES
    words = [{"text": said}]
    return {
        "id": f"s-{number}",
        "text": said,
        "words": words,
        "frames": [start, end],
        "start": at,
        "late": False,
    } | more


def gap(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"id": f"gap-{start}", "event": "gap", "cause": "overflow", "frames": [start, end]} | more


def evidence(
    finals: list[dict[str, Any]] | None = None, gaps: tuple[dict[str, Any], ...] = (), **more: Any
) -> Evidence:
    """What a run leaves in which six seconds were said; its ledger is right for its messages."""
    finals = [final(number) for number in range(SECONDS)] if finals is None else finals
    transcribed = sum(b - a for a, b in {tuple(each["frames"]) for each in finals}) / RATE
    lost = sum(b - a for a, b in {tuple(each["frames"]) for each in gaps}) / RATE
    ledger = {"captured_seconds": SECONDS, "transcribed_seconds": transcribed, "lost_seconds": lost}
    ledger["silent_seconds"] = SECONDS - transcribed - lost
    messages = [("x/transcript/final", each) for each in finals] + [("x/event", each) for each in gaps]
    given = {
        "spoken": {number: BEGAN + number for number in range(SECONDS)},
        "messages": (*messages, ("x/state", {"ledger": ledger})),
        "known": frozenset(f"s-{number}" for number in range(SECONDS)),
    }
    return Evidence(**(given | more))


def without(number: int) -> list[dict[str, Any]]:
    return [final(each) for each in range(SECONDS) if each != number]


def faults(given: Evidence) -> str:
    return "; ".join(judge(given).faults)


def test_a_run_that_lost_nothing_passes():
    verdict = judge(evidence())
    assert verdict.passed, verdict.faults
    assert verdict.figures["seconds_spoken"] == verdict.figures["finals_delivered"] == SECONDS


def test_a_dropped_second_is_caught():
    assert "1 seconds are missing and in no gap: 3" in faults(evidence(without(3), known=frozenset()))


def test_a_second_of_which_a_tenth_is_missing_is_caught():
    part = final(3, words=[{"text": "3:10-40+51-79"}])
    assert "missing and in no gap: 3" in faults(evidence([*without(3)[:3], part, *without(3)[3:]]))


def test_a_doubled_second_is_caught():
    assert "1 seconds came twice: 3" in faults(evidence([*without(9), final(3, id="other-3")]))


def test_a_lost_final_is_caught_though_its_second_came_otherwise():
    assert "1 finals that the daemon had did not reach the broker: s-9" in faults(
        evidence(known=frozenset({"s-1", "s-9"}))
    )


def test_a_second_in_a_reported_gap_is_no_fault_where_sound_may_be_lost():
    given = evidence(without(3), (gap(3 * RATE, 4 * RATE),), known=frozenset())
    assert faults(replace(given, may_lose=True)) == ""
    assert "sound was lost that need not be: (48000, 64000) (overflow)" in faults(given)


def test_a_gap_elsewhere_does_not_excuse_a_second():
    given = evidence(without(3), (gap(5 * RATE, 5 * RATE + 100),), known=frozenset(), may_lose=True)
    assert "missing and in no gap: 3" in faults(given)


def test_a_final_at_frames_or_at_a_time_where_it_was_not_said_is_caught():
    frames = [frame + 1600 for frame in final(5)["frames"]]
    assert "1 finals lie at frames" in faults(evidence([*without(5), final(5, frames=frames)]))
    assert "1 finals have a time" in faults(evidence([*without(5), final(5, start=final(3)["start"])]))
    stepped = evidence([*without(5), final(5, start=final(3)["start"])], steps=(0.0, -2.0))
    assert faults(stepped) == ""


def test_a_repeat_is_a_fault_only_where_nothing_broke_and_must_say_the_same():
    repeated = [*without(9), final(3)]
    assert "1 finals came more than once" in faults(evidence(repeated))
    assert faults(evidence(repeated, may_repeat=True)) == ""
    repeated[-1] = final(3, text="something else")
    assert "the id s-3 came with two contents" in faults(evidence(repeated, may_repeat=True))


def test_live_finals_out_of_their_order_are_caught_and_late_ones_may_follow():
    order = [0, 1, 2, 4, 5, 3]
    assert "1 finals came before" in faults(evidence([final(number) for number in order]))
    late = [final(number, late=number == 3) for number in order]
    assert faults(evidence(late)) == ""


def test_a_ledger_that_does_not_add_up_is_caught():
    given = evidence()
    state = copy.deepcopy(given.messages[-1])
    state[1]["ledger"]["silent_seconds"] -= 0.1
    assert "0.100 s are left over" in faults(replace(given, messages=(*given.messages[:-1], state)))
    state[1]["ledger"]["silent_seconds"] += 0.2
    state[1]["ledger"]["transcribed_seconds"] -= 0.1
    assert "the ledger has" in faults(replace(given, messages=(*given.messages[:-1], state)))
    assert "published no ledger" in faults(replace(given, messages=given.messages[:-1]))


def test_what_was_given_up_while_its_words_were_under_way_may_come_where_that_is_said():
    given = evidence(gaps=(gap(3 * RATE, 3 * RATE + 3200),), may_lose=True)
    assert "frames were both transcribed and reported lost" in faults(given)
    assert faults(replace(given, under_way_seconds=0.2)) == ""


def test_frames_that_are_reported_lost_twice_or_transcribed_as_well_are_caught():
    twice = (gap(3 * RATE, 4 * RATE), gap(3 * RATE + 8000, 4 * RATE))
    assert "8000 frames were reported lost twice" in faults(evidence(without(3), twice, may_lose=True))
    both = (gap(3 * RATE, 4 * RATE),)
    assert "frames were both transcribed and reported lost" in faults(evidence(gaps=both, may_lose=True))


def test_numbers_that_nobody_said_are_caught():
    assert "numbers came that nobody said: 6" in faults(evidence([*without(9), final(6)]))


# --- the scenarios and their report ------------------------------------------------------------------------------


def test_every_scenario_has_a_name_of_its_own_and_every_chapter_has_some():
    assert len({play.name for play in PLAYS}) == len(PLAYS)
    assert {play.chapter for play in PLAYS} == set(range(1, 8))
    assert {play.chapter for play in PLAYS if play.short} == set(range(1, 8))


def test_what_needs_mounts_is_skipped_where_there_are_none_to_be_had_and_never_passed(monkeypatch):
    monkeypatch.setattr(plays, "may_mount", lambda: False)
    assert not Play("x", 4, "x", lambda _: evidence(), mounts=True).playable
    assert Play("x", 4, "x", lambda _: evidence()).playable
    told = as_json([Outcome("x", 4, "x", "skipped", ("needs the right to mount",))], seed=1)
    assert told["counts"] == {"passed": 0, "failed": 0, "broken": 0, "skipped": 1}


def test_a_play_that_is_broken_off_by_a_signal_leaves_no_process_and_no_directory(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, str(CHAOS), "--scenario", "100-cuts"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as chaos:
        wait_until(lambda: list(tmp_path.glob("edgetx-chaos-*/run-0/edgetx.log")), seconds=30, what="its daemon")
        chaos.send_signal(signal.SIGTERM)
        chaos.send_signal(signal.SIGTERM)
        assert chaos.wait(30) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    assert not [line for line in commands() if str(tmp_path) in line]


def commands() -> list[str]:
    """The command lines of all processes."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # It has ended meanwhile.
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_the_table_is_as_wide_as_a_terminal_and_names_every_fault():
    verdict = judge(evidence(without(3)))
    outcomes = [
        Outcome("a-name-of-20-letters", 1, "t" * 90, "failed", tuple(verdict.faults), 1.0, verdict),
        Outcome("b", 2, "t", "broken", ("It did not start.",), 1.0, Verdict()),
    ]
    shown = table(outcomes, seed=1).splitlines()
    assert all(len(line) <= WIDTH for line in shown)
    assert any("missing and in no gap: 3" in line for line in shown)
    assert shown[-1] == "0 passed, 1 failed, 1 broken, 0 skipped"
    assert not as_json(outcomes, seed=1)["passed"]


# --- with real parts -------------------------------------------------------------------------------------------


def test_a_cut_in_mid_speech_loses_nothing_and_a_tampered_record_of_it_is_found_out(tmp_path):
    with Theatre(tmp_path, seed=1) as theatre:
        theatre.provider.next(cut="after partial")
        theatre.raise_curtain()
        theatre.heard(1)
        found = theatre.end()
    assert faults(found) == ""
    assert len(theatre.provider.connections) == 2
    finals = [index for index, (topic, _) in enumerate(found.messages) if topic.endswith("/final")]
    lost = replace(found, messages=tuple(each for index, each in enumerate(found.messages) if index != finals[0]))
    assert "missing and in no gap" in faults(lost)
    topic, payload = found.messages[finals[-1]]
    again = replace(found, messages=(*found.messages, (topic, payload | {"id": "another"})))
    assert "came twice" in faults(again)


@pytest.mark.slow
def test_the_script_plays_a_scenario_and_says_so_in_its_exit_code():
    command = [sys.executable, str(CHAOS), "--scenario", "at-terminate", "--seed", "3"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    *shown, last = ran.stdout.splitlines()
    assert all(len(line) <= WIDTH for line in shown)
    assert json.loads(last)["scenarios"]["at-terminate"]["status"] == "passed"
