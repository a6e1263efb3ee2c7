"""The network in numpy is the network: the same as its plain definition, step by step, and sure of speech."""

import wave
from pathlib import Path

import numpy as np

from edgetx.audio.speech_net import BLOCK, CONTEXT, WINDOW, WINDOWS, SpeechNet
from edgetx.audio.speech_weights import speech_net

SPEECH = Path(__file__).parents[1] / "rigs/speech"


def recording(name="austen-0880"):
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def heard(net, sound):
    """The probabilities of all whole blocks of ``sound``, with silence before it."""
    sound = np.concatenate((np.zeros(CONTEXT, np.float32), sound))
    starts = range(0, len(sound) - CONTEXT - BLOCK + 1, BLOCK)
    return np.concatenate([net.hear(sound[start : start + CONTEXT + BLOCK]) for start in starts])


def made_up_weights():
    rng = np.random.default_rng(1)
    shapes = {
        "conv1": (387, 128),
        "conv2": (384, 64),
        "conv3": (192, 64),
        "conv4": (64, 128),
        "lstm_input": (128, 512),
        "lstm_state": (128, 512),
    }
    weights = {name: rng.normal(0, 0.1, shape) for name, shape in shapes.items()}
    biases = {"conv1_bias": 128, "conv2_bias": 64, "conv3_bias": 64, "conv4_bias": 128, "lstm_bias": 512, "output": 128}
    return (
        weights | {name: rng.normal(0, 0.1, size) for name, size in biases.items()} | {"output_bias": np.array([0.1])}
    )


def plainly(weights, sound):
    """The network as its authors define it, window by window, tap by tap, in double precision."""
    hidden, cells, found = np.zeros(128), np.zeros(128), []
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    for start in range(0, len(sound) - CONTEXT, WINDOW):
        heard = np.pad(sound[start : start + CONTEXT + WINDOW].astype(float), (0, 64), "reflect")
        frames = np.array([np.abs(np.fft.rfft(heard[at : at + 256] * window)) for at in range(0, 512, 128)])
        for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2)):
            frames = convolved(frames, weights[name].reshape(3, frames.shape[1], -1), weights[f"{name}_bias"], stride)
        (encoded,) = np.maximum(frames @ weights["conv4"] + weights["conv4_bias"], 0)
        rows = encoded @ weights["lstm_input"] + hidden @ weights["lstm_state"] + weights["lstm_bias"]
        let_in, let_out, kept = (1 / (1 + np.exp(-rows[at : at + 128])) for at in (0, 128, 256))
        cells = kept * cells + let_in * np.tanh(rows[384:])
        hidden = let_out * np.tanh(cells)
        found.append(1 / (1 + np.exp(-(np.maximum(hidden, 0) @ weights["output"] + weights["output_bias"][0]))))
    return np.array(found)


def convolved(frames, kernel, bias, stride):
    padded = np.pad(frames, ((1, 1), (0, 0)))
    sums = [sum(padded[at + tap] @ kernel[tap] for tap in range(3)) + bias for at in range(0, len(frames), stride)]
    return np.maximum(sums, 0)


def test_it_is_what_its_definition_says() -> None:
    weights = made_up_weights()
    sound = np.random.default_rng(2).normal(0, 0.1, 3 * BLOCK).astype(np.float32)
    wanted = plainly(weights, np.concatenate((np.zeros(CONTEXT), sound)))
    assert np.ptp(wanted) > 0.01
    np.testing.assert_allclose(heard(SpeechNet(weights), sound), wanted, atol=1e-5)


def test_it_is_sure_of_speech_and_of_silence() -> None:
    net = speech_net()
    likely = heard(net, recording())
    assert np.mean(likely[8:-8] > 0.5) > 0.9
    net.restart()
    assert max(heard(net, np.zeros(4 * BLOCK, np.float32))) < 0.1


def test_it_remembers_what_it_heard_until_it_is_told_to_forget() -> None:
    net, sound = speech_net(), recording()[: 4 * BLOCK]
    first = heard(net, sound)
    assert not np.array_equal(heard(net, sound), first)
    net.restart()
    assert np.array_equal(heard(net, sound), first)


def test_the_loudest_sound_and_none_give_a_probability_without_a_warning() -> None:
    for sound in (np.ones(BLOCK, np.float32) * 40, np.tile(np.float32([-9, 9]), BLOCK // 2)):
        likely = heard(speech_net(), sound)
        assert likely.shape == (WINDOWS,)
        assert ((likely >= 0) & (likely <= 1)).all()
