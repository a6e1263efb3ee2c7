import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.uevent import announces_sound
from tests.rigs.udev import CARD, message


def test_a_card_that_is_ready_is_announced():
    assert announces_sound(message(CARD))


@pytest.mark.parametrize(
    "changed",
    [{"ACTION": "add"}, {"ACTION": "remove"}, {"SUBSYSTEM": "usb"}, {"SOUND_INITIALIZED": "0"}, {"SUBSYSTEM": ""}],
)
def test_anything_else_is_not(changed):
    assert not announces_sound(message(CARD | changed))


def test_a_card_whose_rules_have_not_run_is_not():
    assert not announces_sound(message({name: value for name, value in CARD.items() if name != "SOUND_INITIALIZED"}))


def test_what_the_kernel_itself_says_is_not():
    assert not announces_sound(b"change@/devices/sound/card0\0ACTION=change\0SUBSYSTEM=sound\0SOUND_INITIALIZED=1\0")


def test_what_stands_outside_the_properties_does_not_count():
    whole = message(CARD)
    assert not announces_sound(whole[:16] + struct.pack("=2I", len(whole), 0) + whole[24:])


@pytest.mark.parametrize(
    "damaged",
    [
        message(CARD)[:23],
        message(CARD)[:-1],
        b"libudex\0" + message(CARD)[8:],
        message(CARD)[:8] + struct.pack("<I", 0xFEEDCAFE) + message(CARD)[12:],
        message(CARD)[:16] + struct.pack("=2I", 0xFFFFFFFF, 0xFFFFFFFF) + message(CARD)[24:],
    ],
)
def test_what_is_cut_off_or_damaged_is_not(damaged):
    assert not announces_sound(damaged)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_comes_is_answered(garbage, at):
    assert not announces_sound(garbage)
    whole = message(CARD)
    announces_sound(whole[:at] + garbage + whole[at:])
