import subprocess
import sys

import pytest

from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.frontend import front_end
from edgetx.audio.mixing import Mixing, Picking, Resampling
from edgetx.errors import Refused


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
