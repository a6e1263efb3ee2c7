import numpy as np

from edgetx.audio.array import Geometry
from edgetx.audio.doa import within
from edgetx.audio.heard import Bearing, apart
from edgetx.audio.scene import AHEAD, Aim, Scene
from edgetx.audio.stft import HOPS
from tests.audio.waves import RATE, SQUARE, own_noise, plane, spectra, talk, voice

ALL = np.ones(4, np.float32)
ANYWHERE = Aim(np.ones(72, np.float32))
SECTOR = Aim(within(SQUARE, azimuth_deg=60, width_deg=60), 60.0)


def hear(scene: Scene, signals: np.ndarray) -> tuple[np.ndarray, list[Bearing]]:
    """Return the output's spectra [hops, bins], without those of the last blocks, and the bearings."""
    heard = spectra(signals)
    blocks = [heard[:, at : at + HOPS] for at in range(0, heard.shape[1], HOPS)]
    outputs, bearings = [], []
    for n, block in enumerate(blocks):
        oldest = blocks[n - AHEAD] if n >= AHEAD else None
        bearings.append(scene.learn(block, oldest))
        if oldest is not None:
            outputs.append(scene.output(oldest))
    return np.concatenate(outputs), [bearing for bearing in bearings if bearing]


def power(output: np.ndarray) -> float:
    return float((np.abs(output) ** 2).mean())


def test_the_mean_of_all_is_heard_until_somebody_speaks():
    noise = own_noise(RATE, 4)
    output, bearings = hear(Scene(SQUARE, ANYWHERE, ALL), noise)
    assert bearings == []
    assert np.allclose(output, spectra(noise).mean(axis=0)[: len(output)], atol=1e-2)


def test_a_talker_is_told_and_the_beam_turns_to_him_before_his_first_word_comes_out():
    signals = talk(SQUARE, 70.0)
    output, bearings = hear(Scene(SQUARE, ANYWHERE, ALL), signals)
    assert all(apart(bearing.azimuth_deg, 70.0) < 2 for bearing in bearings[2:])
    assert bearings[0].confidence < bearings[-1].confidence
    alone = spectra(talk(SQUARE, 70.0))[0][: len(output)]
    first = slice(RATE // 256, RATE // 256 + 12)
    assert np.allclose(power(output[first]) / power(alone[first]), 1, atol=0.12)


def test_delay_and_sum_turns_to_him_and_does_not_filter():
    signals = talk(SQUARE, 70.0)
    output, bearings = hear(Scene(SQUARE, ANYWHERE._replace(is_adaptive=False), ALL), signals)
    assert apart(bearings[-1].azimuth_deg, 70.0) < 2
    spoken = slice(90, 150)
    assert np.allclose(power(output[spoken]) / power(spectra(signals)[0][spoken]), 1, atol=0.05)


def test_with_a_sector_who_speaks_elsewhere_is_noise_and_who_speaks_in_it_is_heard():
    stranger = plane(np.concatenate([np.zeros(RATE), voice(4.0, seed=5)]), SQUARE, 240.0)
    talker = plane(np.concatenate([np.zeros(RATE * 3), voice(2.0, seed=6)]), SQUARE, 70.0)
    signals = stranger + talker + own_noise(*talker.shape)
    output, bearings = hear(Scene(SQUARE, SECTOR, ALL), signals)
    assert bearings
    assert all(bearing.start == 0 and apart(bearing.azimuth_deg, 60.0) <= 33 for bearing in bearings)
    kept_out = slice(120, 180)
    assert power(output[kept_out]) < 0.3 * power(spectra(stranger)[0][kept_out])


def test_a_sector_s_beam_stands_from_the_beginning():
    scene = Scene(SQUARE, SECTOR, ALL)
    wave = SQUARE.steering([60.0], [1000.0])[0, 0]
    assert np.allclose(scene.weights[:, 32].conj() @ (wave / wave[0]), 1, atol=1e-3)


def test_digital_silence_teaches_nothing_at_the_beginning_and_later():
    silence = np.zeros((RATE * 2, 4))
    signals = np.concatenate([silence, talk(SQUARE, 70.0), silence, talk(SQUARE, 70.0)])
    _, bearings = hear(Scene(SQUARE, ANYWHERE, ALL), signals)
    assert 25 < len(bearings) < 50
    assert apart(bearings[-1].azimuth_deg, 70.0) < 2


def test_what_was_learnt_is_kept_when_a_microphone_is_left_out_before_or_after_somebody_spoke():
    for seconds in (0.7, 2.0):
        scene = Scene(SQUARE, ANYWHERE, ALL)
        signals = talk(SQUARE, 70.0, seconds=3.0)
        cut = round(seconds * RATE)
        hear(scene, signals[:cut])
        scene.leave_out(np.array([0, 1, 1, 1], np.float32))
        signals[cut:, 0] = 20000.0
        output, bearings = hear(scene, signals[cut:])
        assert len(bearings) > 5
        assert all(apart(bearing.azimuth_deg, 70.0) < 3 for bearing in bearings[3:])
        assert power(output[40:50]) < 1.2 * power(spectra(signals[cut:])[1][40:50])


def test_one_microphone_is_heard_as_it_is_with_a_sector_too():
    one = np.array([0, 1, 0, 0], np.float32)
    for aim in (ANYWHERE, SECTOR):
        output, bearings = hear(Scene(SQUARE, aim, one), talk(SQUARE, 70.0))
        assert bearings == []
        assert np.allclose(output, spectra(talk(SQUARE, 70.0))[1][: len(output)], atol=1e-2)


def test_a_line_of_what_is_left_of_a_square_tells_no_direction():
    _, bearings = hear(Scene(SQUARE, ANYWHERE, np.array([1, 0, 1, 0], np.float32)), talk(SQUARE, 70.0))
    assert bearings == []
    line = Geometry(((-0.04, 0.0), (0.0, 0.0), (0.02, 0.0), (0.04, 0.0)))
    _, told = hear(Scene(line, Aim(np.ones(37, np.float32)), np.array([1, 0, 1, 1], np.float32)), talk(line, 70.0))
    assert apart(told[-1].azimuth_deg, 70.0) < 3


def test_a_beam_begins_where_the_one_before_was():
    before = np.full((4, 257), 0.25, np.complex64)
    assert Scene(SQUARE, SECTOR, ALL, before).weights is before


def test_a_microphone_may_be_turned_before_and_after_somebody_has_spoken():
    signs = np.array([1, 1, -1, 1], np.float32)
    signals, heard = talk(SQUARE, 70.0), Scene(SQUARE, ANYWHERE, ALL)
    heard.turn(signs)
    hear(heard, signals * signs)
    heard.turn(signs)
    output, bearings = hear(heard, signals)
    assert all(apart(bearing.azimuth_deg, 70.0) < 3 for bearing in bearings)
    alone = spectra(signals)[0][: len(output)]
    spoken = slice(90, 150)
    assert np.allclose(power(output[spoken]) / power(alone[spoken]), 1, atol=0.15)
