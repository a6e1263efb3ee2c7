"""How findings look: on a terminal, in a file, as JSON."""

import json

import pytest

from edgetx.doctor.report import Finding, Report, Verdict, lines, sentence, several

LONG = Finding("broker", "TCP", Verdict.FAILED, "Nobody answers at broker.lan:1883, " * 3, "Start it.")


def report(*findings: Finding) -> tuple[Report, list[str]]:
    shown: list[str] = []
    made = Report(shown.append)
    for finding in findings:
        made.tell(finding)
    return made, shown


def test_a_line_is_shown_as_it_is_told_under_the_heading_of_its_stage():
    _, shown = report(
        Finding("broker", "name", Verdict.OK, "a is b."),
        Finding("broker", "TLS", Verdict.SKIPPED, "None."),
        Finding("machine", "heat", Verdict.WARNING, "Warm.", "Cool it."),
    )
    assert shown == [
        "broker:",
        "name        ok      a is b.",
        "TLS         skipped None.",
        "machine:",
        "heat        warning Warm. Cool it.",
    ]


def test_long_ones_go_on_below_their_words_within_80_columns():
    first, *more = lines(LONG)
    assert first.startswith("TCP         FAILED  Nobody")
    assert all(line.startswith(" " * 20 + line.strip()[0]) for line in more)
    assert max(map(len, [first, *more])) <= 80


def test_colours_change_nothing_else():
    for verdict in Verdict:
        finding = Finding("a", "b", verdict, "c", "d")
        (plain,), (coloured,) = lines(finding), lines(finding, coloured=True)
        for code in ("32", "33", "1;31", "2", ""):
            coloured = coloured.replace(f"\x1b[{code}m", "")
        assert coloured == plain
    assert lines(LONG, coloured=True)[0].startswith("TCP         \x1b[1;31mFAILED\x1b[m  Nobody")


def test_what_cannot_be_printed_reaches_no_terminal():
    made, shown = report(Finding("a\x07", "b", Verdict.OK, "x\x1b[31my\nz", "\x00"))
    assert "".join(shown).isprintable()
    assert made.findings == [Finding("a ", "b", Verdict.OK, "x [31my z", " ")]


def test_the_other_side_may_say_as_much_as_it_likes():
    made, shown = report(Finding("a", "b", Verdict.OK, "x " * 5000))
    assert made.findings[0].text == "x " * 500 + "…"
    assert len(shown) < 20


@pytest.mark.parametrize(
    ("verdicts", "well", "summary"),
    [
        ([], True, "All is well."),
        ([Verdict.OK, Verdict.SKIPPED, Verdict.NOTE], True, "All is well."),
        ([Verdict.OK, Verdict.WARNING], True, "All works; 1 warning."),
        ([Verdict.FAILED], False, "1 check FAILED, 0 warnings."),
        ([Verdict.FAILED, Verdict.FAILED, Verdict.WARNING], False, "2 checks FAILED, 1 warning."),
    ],
)
def test_the_whole(verdicts, well, summary):
    made, _ = report(*(Finding("a", "b", verdict, "c") for verdict in verdicts))
    assert (made.well, made.summary) == (well, summary)


def test_json_has_every_finding_with_all_fields():
    made, _ = report(LONG, Finding("x", "y", Verdict.OK, "Grün."))
    told = json.loads(made.as_json)
    assert told["ok"] is False
    assert told["checks"][1] == {"stage": "x", "name": "y", "verdict": "ok", "text": "Grün.", "remedy": ""}
    assert [check["verdict"] for check in told["checks"]] == ["FAILED", "ok"]


def test_words_become_sentences_and_lists():
    assert [sentence(text) for text in ("a", "a.", "a?", ValueError("b"))] == ["a.", "a.", "a?", "b."]
    assert [several([1]), several([1, 2]), several(["a", "b", "c"])] == ["1", "1 and 2", "a, b and c"]
