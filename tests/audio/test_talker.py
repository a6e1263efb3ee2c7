import numpy as np

from edgetx.audio.array import Geometry
from edgetx.audio.beam import relative
from edgetx.audio.doa import Compass
from edgetx.audio.heard import apart
from edgetx.audio.noise import Noise
from edgetx.audio.stft import FREQUENCIES_HZ
from edgetx.audio.talker import Talker
from tests.audio.waves import RATE, SQUARE, learnt, own_noise, plane, spectra, voice

HEALTHY = np.ones(4, np.float32)


def talker(geometry: Geometry = SQUARE) -> Talker:
    return Talker(geometry, Compass(geometry, np.ones(len(geometry.grid_deg), np.float32), HEALTHY), HEALTHY)


def hear(someone: Talker, azimuth_deg: float, *, seconds: float = 1.0) -> None:
    sound = plane(voice(seconds), SQUARE, azimuth_deg)
    heard = spectra(sound + own_noise(*sound.shape))
    someone.hear(heard, np.ones(heard.shape[1], np.float32))


def noise() -> Noise:
    return learnt(own_noise(RATE, 4, seed=7))


def test_who_speaks_is_found_and_how_he_sounds():
    someone = talker()
    assert someone.hops == 0
    hear(someone, 130.0)
    found = someone.direction(noise())
    assert apart(found.azimuth_deg, 130.0) < 1
    response = relative(someone.response(noise(), found.azimuth_deg), 0)
    wave = SQUARE.steering([130.0], FREQUENCIES_HZ)[0].T
    assert np.median(np.abs(response - wave / wave[0])) < 0.05


def test_how_loud_he_is_is_known():
    someone = talker()
    hear(someone, 130.0)
    quiet = someone.power
    assert quiet.shape == FREQUENCIES_HZ.shape
    sound = plane(10 * voice(4.0), SQUARE, 130.0)
    heard = spectra(sound)
    someone.hear(heard, np.ones(heard.shape[1], np.float32))
    assert 50 < np.median(someone.power / quiet) < 200


def test_who_speaks_after_a_pause_from_elsewhere_is_found_soon():
    someone = talker()
    hear(someone, 130.0, seconds=3.0)
    someone.direction(noise())
    for _ in range(60):
        someone.pause()
    hear(someone, 250.0, seconds=1.0)
    someone.direction(noise())
    assert apart(someone.direction(noise()).azimuth_deg, 250.0) < 10


def test_what_comes_from_nowhere_after_a_pause_makes_nobody_forgotten():
    someone = talker()
    hear(someone, 130.0, seconds=3.0)
    someone.direction(noise())
    for _ in range(60):
        someone.pause()
    heard = spectra(own_noise(RATE // 2, 4, seed=3, loud=100.0))
    someone.hear(heard, np.ones(heard.shape[1], np.float32))
    assert apart(someone.direction(noise()).azimuth_deg, 130.0) < 5


def test_a_wave_is_heard_by_the_healthy_alone():
    healthy = np.array([1, 0, 1, 1], np.float32)
    someone = Talker(SQUARE, Compass(SQUARE, np.ones(72, np.float32), healthy), healthy)
    assert np.abs(someone.wave(90.0)).sum(axis=1).round().tolist() == [257, 0, 257, 257]


def test_a_microphone_that_is_left_out_is_forgotten_and_who_speaks_is_not():
    someone = talker()
    hear(someone, 130.0)
    known = noise()
    someone.direction(known)
    left = np.array([1, 0, 1, 1], np.float32)
    known.leave_out(left)
    someone.leave_out(left)
    assert apart(someone.direction(known).azimuth_deg, 130.0) < 2
    assert not someone.response(known, 130.0)[1].any()


def pause(someone: Talker, blocks: int = 12) -> None:
    for _ in range(blocks):
        someone.pause()


def softly(someone: Talker, azimuth_deg: float, *, seconds: float) -> None:
    """Thirty times less loud than `hear`, block by block."""
    sound = plane(voice(seconds), SQUARE, azimuth_deg) / 30
    heard = spectra(sound + own_noise(*sound.shape))
    for at in range(0, heard.shape[1] - 7, 8):
        someone.hear(heard[:, at : at + 8], np.ones(8, np.float32))
        someone.direction(noise())


def test_who_speaks_after_a_pause_from_elsewhere_and_softly_is_found_as_soon():
    someone = talker()
    hear(someone, 130.0, seconds=3.0)
    someone.direction(noise())
    pause(someone)
    softly(someone, 250.0, seconds=1.0)
    assert apart(someone.direction(noise()).azimuth_deg, 250.0) < 5
    assert someone.hops < 70, "what was heard of the one before is forgotten"


def test_who_speaks_on_after_a_pause_is_known_from_before():
    someone = talker()
    hear(someone, 130.0, seconds=3.0)
    someone.direction(noise())
    pause(someone)
    softly(someone, 133.0, seconds=0.5)
    assert someone.hops > 90, "nothing is forgotten"
    assert apart(someone.direction(noise()).azimuth_deg, 130.0) < 5


def test_a_breath_is_no_pause():
    someone = talker()
    hear(someone, 130.0, seconds=3.0)
    someone.direction(noise())
    pause(someone, 2)
    softly(someone, 250.0, seconds=0.5)
    assert someone.hops > 90, "nothing is forgotten"


def test_of_a_line_who_is_elsewhere_is_believed_after_a_second():
    """Its bearings are hardly ever sure."""
    line = Geometry(((-0.03, 0.0), (-0.01, 0.0), (0.01, 0.0), (0.03, 0.0)))
    someone = talker(line)
    for azimuth, loud in ((40.0, 30.0), (140.0, 1.0)):
        sound = plane(voice(1.5), line, azimuth) * loud / 30
        heard = spectra(sound + own_noise(*sound.shape))
        for at in range(0, heard.shape[1] - 7, 8):
            someone.hear(heard[:, at : at + 8], np.ones(8, np.float32))
            found = someone.direction(noise())
        assert apart(found.azimuth_deg, azimuth) < 10
        pause(someone)


def test_who_was_heard_through_an_inverted_microphone_is_where_he_is_once_it_is_turned():
    signs = np.array([1, -1, 1, 1], np.float32)
    someone, known = talker(), noise()
    sound = plane(voice(1.0), SQUARE, 130.0)
    heard = spectra(sound + own_noise(*sound.shape)) * signs[:, None, None]
    someone.hear(heard, np.ones(heard.shape[1], np.float32))
    someone.turn(signs)
    known.turn(signs)
    assert apart(someone.direction(known).azimuth_deg, 130.0) < 1
