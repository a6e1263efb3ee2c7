from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.heard import Bearing
from edgetx.audio.opening import Opening


def opening(rate: int) -> Opening:
    return Opening(AudioFormat(rate, 2, SampleFormat.S16_LE), 1000)


def test_a_frame_of_the_source_has_a_number_of_the_logs_at_16_khz():
    assert opening(48000).number(4800) == 1000 + 1600
    assert opening(16000).number(4800) == 1000 + 4800


def test_a_bearing_of_16_khz_already_is_moved_to_where_the_opening_stands():
    assert opening(48000).placed((Bearing(5, 800, 12.5, 0.9),)) == (Bearing(1005, 1800, 12.5, 0.9),)
