import ctypes

from edgetx.clock import synchronised


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
