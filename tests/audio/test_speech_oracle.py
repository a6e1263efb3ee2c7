"""The network that we evaluate in numpy is Silero's: the same probabilities, and weights derived of its package."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from edgetx.audio.speech_net import BLOCK, CONTEXT, WINDOWS
from edgetx.audio.speech_weights import speech_net
from tests.rigs.oracle_venv import python_with

PROJECT = Path(__file__).parents[2]
RUNTIME = "onnxruntime==1.31.1"
RECORDINGS = sorted((PROJECT / "tests/rigs/speech").glob("*.wav"))
OFFICIAL = "silero-vad==6.2.3"


def ours(path):
    """The probabilities of all windows in whole blocks."""
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    net, sound = speech_net(), np.concatenate((np.zeros(CONTEXT, np.float32), sound))
    starts = range(0, len(sound) - CONTEXT - BLOCK + 1, BLOCK)
    return np.concatenate([net.hear(sound[start : start + CONTEXT + BLOCK]) for start in starts])


@pytest.mark.oracle(RUNTIME)
def test_it_finds_what_the_official_network_finds_and_its_weights_are_the_official_ones(tmp_path: Path) -> None:
    driver = PROJECT / "tests/rigs/oracle_silero.py"
    python = python_with(RUNTIME)
    told = subprocess.run([python, driver, OFFICIAL, tmp_path, *RECORDINGS], capture_output=True, text=True, check=True)
    theirs = [np.array(json.loads(line)) for line in told.stdout.splitlines()]
    assert len(theirs) == len(RECORDINGS) == 5
    for path, wanted in zip(RECORDINGS, theirs, strict=True):
        found = ours(path)
        assert len(wanted) - len(found) < WINDOWS
        assert np.ptp(found) > 0.9
        assert np.abs(found - wanted[: len(found)]).max() < 0.01

    (wheel,) = tmp_path.glob("*.whl")
    derive = [sys.executable, PROJECT / "scripts/derive_speech_net.py", wheel, "--check"]
    assert subprocess.run(derive, capture_output=True, text=True, check=False).stderr == ""
