"""The network sleeps while nothing stirs, and wakes as one who has listened all along."""

from itertools import pairwise

import numpy as np
import pytest

from edgetx.audio.listener import Listener
from edgetx.audio.speech_net import BLOCK, CONTEXT


class Net:
    """Finds everything half likely, and keeps what it heard."""

    def __init__(self):
        self.heard = []

    def restart(self):
        self.heard.append("restart")

    def hear(self, sound, /):
        assert sound.shape == (CONTEXT + BLOCK,)
        assert sound.dtype == np.float32
        self.heard.append(sound)
        return np.full(4, 0.5, np.float32)


def noise(blocks, level_db=-40.0, seed=1):
    sound = np.random.default_rng(seed).standard_normal((blocks, BLOCK)) * 10 ** (level_db / 20)
    return sound.astype(np.float32)


def hear(listener, blocks, *, needed=False):
    return [listener.hear(block, needed=needed).likely for block in blocks]


def rms_db(sound):
    return 10 * np.log10(np.mean(np.square(sound)))


ASLEEP, AWAKE = (0.0,) * 4, (0.5,) * 4


def test_it_listens_until_the_room_is_known_and_then_sleeps() -> None:
    found = hear(Listener(Net()), noise(40))
    assert found[:7] == [AWAKE] * 7
    assert found[20:] == [ASLEEP] * 20


def test_what_stirs_wakes_it_for_a_while() -> None:
    listener = Listener(Net())
    hear(listener, noise(40))
    assert listener.asleep
    assert hear(listener, noise(1, -20)) == [AWAKE]
    assert not listener.asleep
    found = hear(listener, noise(20, seed=2))
    assert found[:5] == [AWAKE] * 5
    assert found[6:] == [ASLEEP] * 14


def test_while_it_is_needed_it_stays_awake() -> None:
    listener = Listener(Net())
    hear(listener, noise(20))
    hear(listener, noise(1, -20))
    assert hear(listener, noise(30), needed=True) == [AWAKE] * 30


def test_when_it_wakes_the_network_hears_the_half_second_before_without_a_seam() -> None:
    net = Net()
    listener, quiet = Listener(net), noise(40)
    hear(listener, quiet)
    net.heard.clear()
    hear(listener, noise(1, -20))
    assert net.heard[0] == "restart"
    sounds = net.heard[1:]
    assert len(sounds) == 5
    for earlier, later in pairwise(sounds):
        assert np.array_equal(earlier[-CONTEXT:], later[:CONTEXT])
    assert np.corrcoef(sounds[0][CONTEXT:], np.concatenate(quiet)[-4 * BLOCK - 128 : -3 * BLOCK - 128])[0, 1] > 0.98


def test_while_it_is_awake_each_block_is_heard_once() -> None:
    net = Net()
    hear(Listener(net), noise(5))
    assert net.heard[0] == "restart"
    assert len(net.heard) == 6


@pytest.mark.parametrize("level_db", [-20.0, -40.0, -60.0])
def test_the_floor_is_brought_to_one_level(level_db: float) -> None:
    net = Net()
    hear(Listener(net), noise(7, level_db))
    assert rms_db(net.heard[-1]) == pytest.approx(-23.5, abs=1)  # Of all bands; the voice bands of it lie at -28.


@pytest.mark.parametrize("level_db", [-5.0, -25.0, -40.0])
def test_what_is_far_louder_than_the_floor_is_brought_to_another(level_db: float) -> None:
    net = Net()
    listener = Listener(net)
    hear(listener, noise(5, level_db - 30))
    hear(listener, noise(5, level_db, seed=2), needed=True)
    assert rms_db(net.heard[-1]) == pytest.approx(-14, abs=1.5)
    hear(listener, noise(80, level_db - 30, seed=3), needed=True)
    assert rms_db(net.heard[-1]) > -34  # It is forgotten in time.


def test_digital_silence_is_not_made_loud() -> None:
    net = Net()
    hear(Listener(net), np.zeros((5, BLOCK), np.float32))
    assert not np.any(net.heard[-1])


def test_an_offset_and_a_rumble_are_taken_off() -> None:
    net, times = Net(), np.arange(30 * BLOCK).reshape(30, BLOCK) / 16000
    rumble = 0.3 + 0.1 * np.sin(2 * np.pi * 4 * times)
    hear(Listener(net), (noise(30, -60) + rumble).astype(np.float32), needed=True)
    assert abs(np.mean(net.heard[-1])) < 0.01
    assert rms_db(net.heard[-1]) == pytest.approx(-23.5, abs=3)
