import subprocess
import sys

import pytest

from edgetx import boards
from edgetx.audio.arrayed import Arrayed
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.frontend import front_end
from edgetx.audio.mixing import Mixing, Picking, Resampling
from edgetx.board import Board
from edgetx.errors import Refused
from edgetx.listening import Direction

USB = boards.named("respeaker-usb-4mic")
OWN = Board("", "own", microphones=(3, 1), positions_m=((0.0, 0.0), (0.05, 0.0)))


def form(rate: int = 16000, channels: int = 1, name: str = "S16_LE") -> AudioFormat:
    return AudioFormat(rate, channels, SampleFormat(name))


@pytest.mark.parametrize("listen", ["auto", "mix", 0])
def test_sound_that_is_right_already_needs_no_front_end(listen):
    assert front_end(form(), listen) is None


def test_it_costs_no_numpy():
    program = "import sys, edgetx.audio.frontend as f; f.front_end(f.WANTED, 'auto'); print('numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"


@pytest.mark.parametrize(
    ("source", "listen", "kind"),
    [
        (form(channels=6), "auto", Picking),
        (form(channels=6), 4, Picking),
        (form(channels=6), "mix", Mixing),
        (form(name="S32_LE"), "auto", Mixing),
        (form(rate=48000), "auto", Resampling),
    ],
)
def test_anything_else_is_calculated(source, listen, kind):
    assert isinstance(front_end(source, listen), kind)


@pytest.mark.parametrize("listen", [2, -1, 100])
def test_a_channel_that_does_not_exist_is_refused(listen):
    with pytest.raises(Refused, match=f"Channel {listen} does not exist: the source has 2, numbered from 0"):
        front_end(form(channels=2), listen)


@pytest.mark.parametrize("listen", ["auto", "mix", "delay-and-sum", Direction(90.0)])
def test_an_array_is_listened_to_with_all_its_microphones(listen):
    assert isinstance(front_end(form(channels=6), listen, USB), Arrayed)
    assert isinstance(front_end(form(48000, channels=4), listen, OWN), Arrayed)


def test_of_an_array_one_channel_can_be_listened_to_all_the_same():
    assert isinstance(front_end(form(channels=6), 5, USB), Picking)
    with pytest.raises(Refused, match="Channel 6 does not exist"):
        front_end(form(channels=6), 6, USB)


@pytest.mark.parametrize("listen", ["delay-and-sum", Direction(90.0)])
def test_without_an_array_what_needs_one_is_as_good_as_the_first_channel(listen):
    assert front_end(form(), listen) is None
    assert isinstance(front_end(form(channels=6), listen), Picking)


@pytest.mark.parametrize(
    ("source", "array", "fault"),
    [
        (form(), USB, "respeaker-usb-4mic has 6 channels, but the source delivers 1. Write the card itself as 'alsa'"),
        (form(channels=8), USB, "respeaker-usb-4mic has 6 channels, but the source delivers 8. "),
        (form(channels=3), OWN, "The array has at least 4 channels, but the source delivers 3. "),
    ],
)
def test_a_source_with_other_channels_than_the_array_is_refused_with_what_to_do(source, array, fault):
    with pytest.raises(Refused) as caught:
        front_end(source, "auto", array)
    assert str(caught.value).startswith(fault)
