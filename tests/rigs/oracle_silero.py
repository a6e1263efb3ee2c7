"""Has Silero's own network hear recordings, as its official package does; runs in an environment with onnxruntime.

    PYTHON oracle_silero.py silero-vad==VERSION FOLDER FILE.wav ...

fetches the official wheel into FOLDER (alone: it asks for PyTorch, which its ONNX file does without), and prints for
each recording (16 kHz, mono, int16) one line of JSON: the probability of each whole window of 512 frames. It goes about
it as silero_vad.utils_vad.OnnxWrapper does: 64 frames of context before each window, and the state handed on.
"""

import json
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime

MODEL = "silero_vad/data/silero_vad.onnx"
WINDOW, CONTEXT = 512, 64


def probabilities(session, sound):
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32)
    for start in range(0, len(sound) - WINDOW + 1, WINDOW):
        window = np.concatenate((context, sound[start : start + WINDOW]))
        given = {"input": window[None], "state": state, "sr": np.array(16000, np.int64)}
        likely, state = session.run(None, given)
        context = window[-CONTEXT:]
        yield round(float(likely[0, 0]), 6)


def main():
    requirement, folder, *recordings = sys.argv[1:]
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement]
    subprocess.run(fetch, check=True)
    (wheel,) = Path(folder).glob("silero_vad-*.whl")
    with zipfile.ZipFile(wheel) as files:
        session = onnxruntime.InferenceSession(files.read(MODEL), providers=["CPUExecutionProvider"])
    for recording in recordings:
        with wave.open(recording) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        print(json.dumps(list(probabilities(session, sound))), flush=True)  # noqa: T201


main()
