import numpy as np

from edgetx.audio.activity import LEARNING_HOPS, PAST_HOPS, Activity, Calm, scores
from edgetx.audio.stft import BINS, HOPS


def whitened(blocks: int, *, loud: float = 1.0, seed: int = 1) -> list[np.ndarray]:
    """Return blocks of what four microphones' noise is after whitening."""
    rng = np.random.default_rng(seed)
    return [(rng.chisquare(8, (HOPS, BINS)) / 8 * loud).astype(np.float32) for _ in range(blocks)]


def chances(activity: Activity, blocks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([activity.hear(block) for block in blocks])


def test_the_score_tells_what_exceeds_the_noise_and_only_that():
    silence, noise, speech = np.zeros((2, BINS)), np.ones((2, BINS)), np.full((2, BINS), np.e)
    heard = scores(np.concatenate([silence, noise, speech]).astype(np.float32))
    assert np.allclose(heard, [0, 0, 0, np.log((1 + np.e) / 2), 1], atol=1e-4)
    assert scores(np.full((2, BINS), 1e30, np.float32)).tolist() == [2.0]


def test_noise_is_no_speech_and_what_exceeds_it_is():
    activity = Activity()
    assert (chances(activity, whitened(20)) > 0.5).mean() < 0.02
    assert (chances(activity, whitened(2, loud=2.0))[1:] > 0.9).all()
    assert (chances(activity, whitened(10))[1:] > 0.5).mean() < 0.05


def test_the_beginning_is_noise_by_agreement():
    assert chances(Activity(), whitened(LEARNING_HOPS // HOPS, loud=100.0)).tolist() == [0.0] * LEARNING_HOPS


def test_what_lasts_for_two_seconds_without_a_pause_is_noise():
    activity = Activity()
    chances(activity, whitened(10))
    louder = chances(activity, whitened(40, loud=3.0))
    assert louder[8] > 0.9
    assert (louder[-80:] < 0.5).all()


def test_speech_with_pauses_stays_speech():
    activity = Activity()
    chances(activity, whitened(10))
    for _ in range(20):
        assert (chances(activity, whitened(6, loud=3.0))[1:] > 0.9).all()
        chances(activity, whitened(2))


def test_the_oldest_block_is_calm_when_speech_is_far_on_both_sides():
    calm = Calm(4)
    silent, spoken = np.zeros(HOPS, bool), np.array([True] + [False] * (HOPS - 1))
    assert calm.oldest().all()
    calm.hear(spoken)
    seen = []
    for _ in range(8):
        calm.hear(silent)
        seen.append(calm.oldest())
    before, at, after = np.concatenate(seen[:2]), seen[2], np.concatenate(seen[3:])
    assert len(before) == 2 * HOPS
    assert not before.any()
    assert not at.any()
    assert after.tolist() == [n >= PAST_HOPS - HOPS + 1 for n in range(len(after))]
