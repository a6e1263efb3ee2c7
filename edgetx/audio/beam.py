"""Weights for the microphones, per frequency: complex64[mics, bins]. A beam's output is wᴴx.

What arrives from the talker is h, his sound at each microphone against the reference one (the relative transfer
function, Gannot, Burshtein and Weinstein, 2001). It is the principal generalised eigenvector of the covariances of
speech and of noise, times the latter (covariance whitening: Markovich, Gannot and Cohen, 2009): no geometry is needed,
and echoes of the room are part of it. The beam that passes h unchanged with the least noise is R⁻¹h / hᴴR⁻¹h (Capon,
1969; MVDR). R is the noise's covariance, loaded.
"""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.covariance import dot, squares, times

_TINY = np.float32(1e-20)


def towards_talker(vector: Complex, inverse: Complex, speech: Complex) -> Complex:
    """Return ``vector`` nearer to the principal eigenvector of R⁻¹S: two steps of the power method, warm from before.

    ``inverse`` is R⁻¹ and ``speech`` S, both [mics, mics, bins].
    """
    for _ in range(2):
        vector = times(inverse, times(speech, vector))
        vector = vector / np.sqrt(squares(vector).sum(axis=0) + _TINY)
    return vector


def relative(response: Complex, reference: int) -> Complex:
    """Return ``response[mics, bins]`` as the reference microphone hears it: 1 there."""
    at_reference = response[reference]
    scaled: Complex = response * (at_reference.conj() / (squares(at_reference) + _TINY))
    return scaled


def mvdr(inverse: Complex, response: Complex) -> Complex:
    """Return the weights that pass ``response`` as it is and let the least noise through (Capon)."""
    filtered = times(inverse, response)
    return filtered / (dot(response, filtered).real + _TINY)


def mean(healthy: Real, bins: int) -> Complex:
    """Return the weights of a plain mean of the healthy microphones."""
    return np.repeat(healthy[:, None] / healthy.sum(), bins, axis=1).astype(np.complex64)


def glide(before: Complex, after: Complex, hops: int) -> Complex:
    """Return complex64[mics, hops, bins]: from ``before`` to ``after`` in even steps, so that nothing clicks."""
    steps = (np.arange(1, hops + 1, dtype=np.float32) / np.float32(hops))[:, None]
    return before[:, None] + steps * (after - before)[:, None]
