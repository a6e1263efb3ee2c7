"""How microphones vary together, per frequency: small Hermitian matrices as arrays [mics, mics, bins].

Bins stand last, so that each step of the algebra is one call over all frequencies: for matrices this small that is many
times cheaper than LAPACK's call per matrix. All matrices that are inverted were loaded: added to their diagonal is a
share of their mean power (which bounds a beam's sensitivity to the microphones' differences: Cox, Zeskind and Owen,
1987) and a floor, which keeps digital silence regular.
"""

import numpy as np

from edgetx.audio.array import Complex, Real
from edgetx.audio.stft import BINS

FLOOR = np.float32(20.0)
"""Power of a bin: what rounding to int16 adds, 1/12 of a step squared, over a Hann window of 512."""
LOAD = np.float32(0.005)


def outer(spectra: Complex, weights: Real) -> Complex:
    """Return complex64[mics, mics, bins], Σ_t weights[t] x_t x_tᴴ of ``spectra[mics, hops, bins]``."""
    weighted = spectra * weights[:, None]
    conjugate = spectra.conj()
    total: Complex = weighted[:, None, 0] * conjugate[:, 0]
    for hop in range(1, spectra.shape[1]):
        total += weighted[:, None, hop] * conjugate[:, hop]
    return total


def loaded(covariance: Complex, load: np.float32 = LOAD) -> Complex:
    """Return ``covariance`` with ``load`` of its mean power and the floor added to its diagonal."""
    mics = len(covariance)
    diagonal = np.arange(mics)
    result = covariance.copy()
    result[diagonal, diagonal] += load * power(covariance) + FLOOR
    return result


def power(covariance: Complex) -> Real:
    """Return the mean power of the microphones, float32[bins]."""
    mean: Real = np.einsum("iif->f", covariance).real / np.float32(len(covariance))
    return mean


def inverse(matrices: Complex) -> Complex:
    """Return the inverse of positive definite ``matrices[n, n, bins]``: Gauss and Jordan, without pivoting."""
    work = matrices.copy()
    for k in range(len(work)):
        pivot = np.reciprocal(work[k, k].real)
        column = work[:, k].copy()
        row = work[k] * pivot
        row[k] = pivot
        column[k] = 0
        work[:, k] = 0
        work -= column[:, None] * row
        work[k] = row
    return work


def times(matrices: Complex, vectors: Complex) -> Complex:
    """Return complex64[n, bins]: each of ``matrices[n, n, bins]`` times its vector of ``vectors[n, bins]``."""
    product: Complex = (matrices * vectors).sum(axis=1)
    return product


def times_all(matrices: Complex, spectra: Complex) -> Complex:
    """Return complex64[n, hops, bins]: each of ``matrices[n, n, bins]`` times ``spectra[n, hops, bins]``."""
    product: Complex = (matrices[:, :, None] * spectra).sum(axis=1)
    return product


def dot(left: Complex, right: Complex) -> Complex:
    """Return leftᴴ right over the first axis: complex64[bins] of ``[mics, bins]``."""
    product: Complex = (left.conj() * right).sum(axis=0)
    return product


def squares(values: Complex) -> Real:
    """Return |values|²."""
    squared: Real = values.real**2 + values.imag**2
    return squared


class Memory:
    """A covariance that is learnt: the mean of all at first, later of about the last ``hops``."""

    def __init__(self, mics: int, *, hops: float) -> None:
        self.mean: Complex = np.zeros((mics, mics, BINS), np.complex64)
        self.seen = 0.0
        self._hops = hops

    def learn(self, spectra: Complex, weights: Real) -> None:
        """Take in ``spectra[mics, hops, bins]``, each hop as much as ``weights[hops]`` (0 to 1) says."""
        count = float(weights.sum())
        if count <= 0:
            return
        self.seen = min(self.seen + count, self._hops)
        share = min(1.0, count / self.seen)
        self.mean += np.float32(share) * (outer(spectra, weights) / np.float32(count) - self.mean)

    def turn(self, signs: Real) -> None:
        """Have learnt it of microphones each multiplied by its entry in ``signs[mics]``, 1 or -1."""
        self.mean *= (signs[:, None] * signs)[:, :, None]
