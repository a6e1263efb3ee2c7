"""What a Pi's firmware says becomes words: figures from real help threads."""

import pytest

from edgetx.doctor.power import judge, throttled


@pytest.mark.parametrize(
    ("text", "bits"),
    [("throttled=0x0\n", 0), ("throttled=0x50005\n", 0x50005), ("50000\n", 0x50000), ("", None), ("error=1", None)],
)
def test_the_bits_are_read_from_the_program_and_from_sysfs(text, bits):
    assert throttled(text) == bits


@pytest.mark.parametrize(
    ("bits", "low", "celsius", "power", "heat", "words"),
    [
        (0, None, 51.2, "ok", "ok", "51 °C and runs at full speed"),
        (0x50005, None, 51.2, "FAILED", "warning", "slowed down now. It is the low voltage: mend that first."),
        (0x50000, None, 51.2, "warning", "warning", "was slowed down since the start"),
        (0x80008, None, 82.0, "ok", "warning", "82 °C and is slowed down now. Give it air"),
        (0xD0009, None, 82.0, "FAILED", "warning", "slowed down now. Give it air"),
        (0x60006, None, 70.0, "ok", "warning", "slowed down now. Give it air"),
        (0, None, 81.0, "ok", "warning", "near where it is slowed down"),
        (None, True, None, "FAILED", "skipped", "does not say how warm"),
        (None, False, 40.0, "ok", "ok", "40 °C"),
        (0, None, None, "ok", "ok", "warmth is not known and runs"),
    ],
)
def test_supply_and_heat(bits, low, celsius, power, heat, words):  # noqa: PLR0917
    findings = judge(bits, low_voltage=low, celsius=celsius, is_pi=True)
    assert [finding.verdict for finding in findings] == [power, heat]
    assert words in f"{findings[1].text} {findings[1].remedy}"


@pytest.mark.parametrize(("is_pi", "why"), [(True, "The firmware does not say"), (False, "This is no Raspberry Pi.")])
def test_where_nothing_is_told_nothing_fails(is_pi, why):
    power, heat = judge(None, low_voltage=None, celsius=None, is_pi=is_pi)
    assert (power.verdict, heat.verdict) == ("skipped", "skipped")
    assert power.text.startswith(why)
