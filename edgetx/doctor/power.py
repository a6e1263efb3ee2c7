"""A Pi's power supply and heat, as its firmware tells. Pure.

Bits of get_throttled: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

import re

from edgetx.doctor.report import Finding, Verdict

STAGE = "machine"
HOT_CELSIUS = 80.0
"""From here on a Pi slows down."""

SUPPLY = "Use the supply that is made for this Pi, with a short thick cable; power a hub of microphones by itself."
COOL = "Give it air or a heat sink."

_LOW_NOW, _CAPPED_NOW, _THROTTLED_NOW, _HOT_NOW = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_LOW_BEFORE = _LOW_NOW << 16
_SLOWED_NOW = _CAPPED_NOW | _THROTTLED_NOW | _HOT_NOW


def throttled(text: str) -> int | None:
    """Return the bits in ``throttled=0x50005`` (vcgencmd) or ``50005`` (sysfs), None if there are none."""
    found = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-f]{1,8})", text.strip(), re.IGNORECASE)
    return int(found[1], 16) if found else None


def judge(bits: int | None, *, low_voltage: bool | None, celsius: float | None, is_pi: bool) -> list[Finding]:
    """Return findings on the supply and the heat.

    ``low_voltage``: the kernel's alarm since it was read last (hwmon rpi_volt), None if there is none.
    """
    return [_supply(bits, low_voltage, is_pi=is_pi), _heat(bits, celsius)]


def _supply(bits: int | None, low_voltage: bool | None, *, is_pi: bool) -> Finding:  # noqa: FBT001  (None: not known)
    if bits is None and low_voltage is None:
        why = "The firmware does not say how the supply is." if is_pi else "This is no Raspberry Pi."
        return Finding(STAGE, "power", Verdict.SKIPPED, why)
    known = bits or 0
    if known & _LOW_NOW or low_voltage:
        return Finding(STAGE, "power", Verdict.FAILED, "The supply's voltage is too low now.", SUPPLY)
    if known & _LOW_BEFORE:
        return Finding(STAGE, "power", Verdict.WARNING, "The supply's voltage was too low since the start.", SUPPLY)
    return Finding(STAGE, "power", Verdict.OK, "The supply's voltage has been right since the start.")


def _heat(bits: int | None, celsius: float | None) -> Finding:
    known = bits or 0
    if celsius is None and bits is None:
        return Finding(STAGE, "heat", Verdict.SKIPPED, "This machine does not say how warm it is.")
    warmth = f"The processor has {celsius:.0f} °C" if celsius is not None else "The processor's warmth is not known"
    if known & _SLOWED_NOW:
        remedy = COOL if known & _HOT_NOW or not known & _LOW_NOW else "It is the low voltage: mend that first."
        return Finding(STAGE, "heat", Verdict.WARNING, f"{warmth} and is slowed down now.", remedy)
    if celsius is not None and celsius >= HOT_CELSIUS:
        return Finding(STAGE, "heat", Verdict.WARNING, f"{warmth}, near where it is slowed down.", COOL)
    if known & (_SLOWED_NOW << 16):
        return Finding(STAGE, "heat", Verdict.WARNING, f"{warmth}, but was slowed down since the start.", COOL)
    return Finding(STAGE, "heat", Verdict.OK, f"{warmth} and runs at full speed.")
