"""How well it is understood: word errors through pocketsphinx with a grammar of digits, and the distortion (SDR).

The recogniser hears each utterance alone, from a little before to a little after it: what is measured is the sound, not
the finding of the utterance in it.
"""

import tempfile
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_arrays_speech import DIGITS, RATE

BEFORE_SECONDS = 0.3
AFTER_SECONDS = 0.4
_GRAMMAR = f"#JSGF V1.0;\ngrammar digits;\npublic <digits> = ({' | '.join(DIGITS)})+;\n"
FORGIVEN_TAPS = 256
"""A linear filter of this length (16 ms) between the talker at the first microphone and the output is no distortion."""


def recognised(sound: npt.NDArray[np.float32], start: int, end: int) -> list[str]:
    """Return the digits that the recogniser finds in frames [start, end) of ``sound`` and a little around them."""
    heard = sound[max(0, start - int(BEFORE_SECONDS * RATE)) : end + int(AFTER_SECONDS * RATE)]
    pcm = np.clip(np.rint(heard), -32768, 32767).astype(np.int16).tobytes()
    decoder = _decoder()
    decoder.reinit_feat()  # What it heard before shall make no difference.
    decoder.start_utt()
    decoder.process_raw(pcm, False, True)
    decoder.end_utt()
    found = decoder.hyp()
    return str(found.hypstr).split() if found else []


def word_errors(said: list[str], understood: list[str]) -> int:
    """Return the least number of words to insert, delete and replace (Levenshtein)."""
    row = list(range(len(understood) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(understood, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def distortion_db(output: npt.NDArray[np.float32], target: npt.NDArray[np.float32]) -> float:
    """Return the signal to distortion ratio of ``output`` against the talker alone, ``target`` (the same frames).

    As in Vincent et al., Performance Measurement in Blind Audio Source Separation (2006), with a shorter filter.
    """
    from scipy.linalg import solve_toeplitz  # noqa: PLC0415  (only the bench's environment has it)

    half = FORGIVEN_TAPS // 2
    out = np.concatenate([np.zeros(half), output.astype(np.float64), np.zeros(half)])
    wanted = np.concatenate([np.zeros(half), target.astype(np.float64), np.zeros(half)])
    size = 1 << (len(out) + FORGIVEN_TAPS).bit_length()
    spectrum = np.fft.rfft(wanted, size)
    auto = np.fft.irfft(np.abs(spectrum) ** 2, size)[:FORGIVEN_TAPS]
    cross = np.roll(np.fft.irfft(np.fft.rfft(out, size) * spectrum.conj(), size), half)[:FORGIVEN_TAPS]
    auto[0] *= 1 + 1e-6
    taps = solve_toeplitz(auto, cross)
    explained = float(taps @ cross)
    rest = float(out @ out) - explained
    return 10 * float(np.log10(max(explained, 1e-9) / max(rest, 1e-9)))


@cache
def _decoder() -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415  (a second, and 100 MB, that only words need)

    with tempfile.NamedTemporaryFile("w", suffix=".gram") as file:
        file.write(_GRAMMAR)
        file.flush()
        return Decoder(jsgf=file.name, loglevel="FATAL", bestpath=False)
