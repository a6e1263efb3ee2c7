import ctypes
import time

import pytest

from edgetx.clock import Moment, now, synchronised


class Timex(ctypes.Structure):
    """The beginning of struct timex, as <sys/timex.h> has it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def test_it_is_what_the_kernel_says():
    timex = Timex()
    assert ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) >= 0
    assert synchronised() is not bool(timex.status & 0x0040)


def test_a_moment_is_what_every_clock_shows():
    before, moment, after = time.time(), now(), time.time()
    assert before <= moment.wall <= after
    assert moment.monotonic == pytest.approx(time.monotonic(), abs=5)
    assert moment.boottime >= moment.monotonic - 5
    assert moment.boot_id == now().boot_id
    assert len(moment.boot_id) == 36


def test_an_earlier_moment_is_earlier_by_every_clock():
    moment = Moment(10.0, synced=True, monotonic=20.0, boottime=30.0, boot_id="b")
    assert moment.earlier(4) == Moment(6.0, synced=True, monotonic=16.0, boottime=26.0, boot_id="b")
