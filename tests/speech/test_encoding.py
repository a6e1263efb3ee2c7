"""Mu-law is compared with ITU-T G.711 as its tables and ITU-T G.191 (the reference program) have it."""

import subprocess
import sys

import numpy as np
import pytest

from edgetx.speech.encoding import Encoder

SAMPLES = np.arange(-32768, 32768)


def mu_law(samples: np.ndarray) -> np.ndarray:
    return np.frombuffer(Encoder(16000, "pcm_mulaw").encode(samples.astype("<i2").tobytes()), np.uint8).astype(int)


def reference(sample: int) -> int:
    """G.191's ulaw_compress for one sample: count the segment, then put sign, segment and step together."""
    magnitude = min(((~sample if sample < 0 else sample) >> 2) + 33, 0x1FFF)
    segment, rest = 1, magnitude >> 6
    while rest:
        segment, rest = segment + 1, rest >> 1
    code = (8 - segment) << 4 | 0xF - ((magnitude >> segment) & 0xF)
    return code | (0 if sample < 0 else 0x80)


def linear(codes: np.ndarray) -> np.ndarray:
    """G.711, table 2a, columns 6 and 8: the value in the middle of each step, as a 16-bit sample."""
    inverted = ~codes & 0xFF
    magnitude = ((((inverted & 0xF) * 2 + 33) << (inverted >> 4 & 7)) - 33) * 4
    return np.where(inverted & 0x80, -magnitude, magnitude)


def tone(hz: float, *, amplitude: float = 10_000, seconds: float = 0.5) -> bytes:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(16000 * seconds)) / 16000)).astype("<i2").tobytes()


def through(encoder: Encoder, pcm: bytes, *, piece: int = 3200) -> bytes:
    return b"".join([*(encoder.encode(pcm[at : at + piece]) for at in range(0, len(pcm), piece)), encoder.flush()])


def loudness(pcm: bytes) -> float:
    middle = np.frombuffer(pcm, "<i2")[400:-400].astype(float)
    return float(np.sqrt(np.mean(middle * middle)))


def test_what_is_wanted_as_it_is_passes_untouched():
    encoder = Encoder(16000, "pcm_s16le")
    assert through(encoder, tone(440)) == tone(440)
    assert (encoder.bytes_per_ms, encoder.silence) == (32, b"\0\0")


KNOWN = {  # G.711, table 2: decision values (times 4 in 16 bits) of both signs, and both ends.
    0: 0xFF,
    4: 0xFE,
    12: 0xFD,
    31 * 4: 0xEF,
    95 * 4: 0xDF,
    223 * 4: 0xCF,
    479 * 4: 0xBF,
    991 * 4: 0xAF,
    2015 * 4: 0x9F,
    4063 * 4: 0x8F,
    7903 * 4 - 1: 0x81,
    7903 * 4: 0x80,
    32767: 0x80,
    -1: 0x7F,
    -5: 0x7E,
    -4063 * 4 - 1: 0x0F,
    -32768: 0x00,
}


@pytest.mark.parametrize(("sample", "code"), KNOWN.items())
def test_known_values_of_mu_law(sample, code):
    assert mu_law(np.array([sample])) == code


def test_every_sample_gets_the_code_that_the_reference_program_gives_it():
    assert mu_law(SAMPLES).tolist() == [reference(sample) for sample in SAMPLES.tolist()]


def test_what_is_decoded_again_lies_within_half_a_step():
    codes = mu_law(SAMPLES)
    error = np.abs(linear(codes) - SAMPLES)
    half_step = 4 << (~codes >> 4 & 7)
    within = np.abs(SAMPLES) < 8159 * 4
    assert np.all(error[within] <= half_step[within])
    assert mu_law(linear(np.arange(128, 256))).tolist() == list(range(128, 256))


def test_mu_law_is_a_byte_a_sample_and_its_silence_is_ff():
    encoder = Encoder(16000, "pcm_mulaw")
    assert encoder.encode(bytes(6400)) == encoder.silence * 3200
    assert encoder.bytes_per_ms == 16
    assert encoder.flush() == b""


def test_at_8_khz_a_tone_stays_and_nothing_above_is_folded_down():
    encoder = Encoder(8000, "pcm_s16le")
    low, high = through(encoder, tone(1000)), through(encoder, tone(5000))
    assert encoder.bytes_per_ms == 16
    assert len(low) == len(tone(1000)) // 2
    assert loudness(low) == pytest.approx(loudness(tone(1000)), rel=0.01)
    assert loudness(high) < 2


def test_at_8_khz_the_cut_makes_no_difference():
    pcm = tone(300) + tone(1700)
    assert through(Encoder(8000, "pcm_mulaw"), pcm, piece=3200) == through(Encoder(8000, "pcm_mulaw"), pcm, piece=46)


def test_8_khz_in_mu_law_is_the_linear_8_khz_in_mu_law():
    linear_8k = np.frombuffer(through(Encoder(8000, "pcm_s16le"), tone(700)), "<i2")
    encoder = Encoder(8000, "pcm_mulaw")
    assert list(through(encoder, tone(700))) == mu_law(linear_8k).tolist()
    assert encoder.bytes_per_ms == 8


def test_numpy_is_not_paid_for_at_16_khz():
    program = (
        "import sys; from edgetx.speech.encoding import Encoder;"
        "Encoder(16000, 'pcm_mulaw').encode(bytes(32)); sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
