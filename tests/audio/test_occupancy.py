import pytest

from edgetx.audio.occupancy import Running, Substream, User, substream
from tests.rigs.sound_tree import HW_PARAMS, STATUS

RUNNING = HW_PARAMS.format(rate=16000, form="S16_LE", channels=6)


def test_a_device_in_use_says_by_whom_and_what_it_runs_at():
    assert substream(STATUS.format(thread=4711), RUNNING) == Substream(4711, Running(16000, 6, "S16_LE"))


@pytest.mark.parametrize("status", ["closed\n", ""])
def test_a_closed_device_and_one_that_has_gone_are_nobodys(status):
    assert substream(status, "closed\n") == Substream()


@pytest.mark.parametrize("hw_params", ["no setup\n", "", "format: S16_LE\nchannels: x\nrate: 16000 (16000/1)\n"])
def test_a_device_that_was_opened_and_not_set_up_runs_at_nothing(hw_params):
    assert substream("state: OPEN\nowner_pid   : 12\n", hw_params) == Substream(12)


def test_an_owner_that_is_not_shown_is_somebody():
    assert substream("state: RUNNING\nowner_pid   : 0\n", RUNNING).owner == 0
    assert substream("state: RUNNING\n", RUNNING).owner == 0


def test_a_user_is_named_as_far_as_it_is_known():
    assert str(User(12, "pipe\x1bwire")) == "pipewire (process 12)"
    assert str(User(12, "")) == "process 12"
    assert str(User(0, "")) == "a program that is not shown to this user"


def test_what_a_device_runs_at_reads_well():
    assert str(Running(16000, 6, "S16_LE")) == "16000 Hz, 6 channels, S16_LE"
    assert str(Running(48000, 1, "S32_LE")) == "48000 Hz, 1 channel, S32_LE"
