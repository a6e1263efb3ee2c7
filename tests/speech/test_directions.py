import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.audio.heard import Bearing, apart
from edgetx.speech.directions import KEPT, MOVED_DEG, SURE, Directions
from edgetx.speech.events import Direction


def heard(*bearings, cone=False):
    """Directions that heard (azimuth, confidence) in turn, of 2048 frames each."""
    directions = Directions(cone=cone)
    directions.add(Bearing(n * 2048, (n + 1) * 2048, *bearing) for n, bearing in enumerate(bearings))
    return directions


def test_nothing_is_known_of_frames_without_a_bearing():
    assert Directions().of(0, 10_000) is None
    assert heard((90, 0.9)).of(2048, 4096) is None
    assert heard((90, 0.9), (10, 0.9)).of(2048, 4096) == Direction(10, 0.9)
    assert heard((90, 0.9), (10, 0.9)).of(0, 2048) == Direction(90, 0.9)


def test_the_direction_is_where_most_confidence_is_and_a_stray_bearing_costs_some():
    directions = heard((90, 0.9), (94, 0.9), (270, 0.6), (92, 0.9))
    assert directions.of(0, 4 * 2048) == Direction(92, pytest.approx(0.9 * 2.7 / 3.3, abs=0.01))


def test_directions_around_zero_have_their_mean_there():
    assert heard((358, 0.5), (6, 0.5)).of(0, 4096) == Direction(2, 0.5)
    assert heard((359.8, 0.5)).of(0, 4096) == Direction(0, 0.5)


def test_a_bearing_without_confidence_is_none():
    assert heard((90, 0.0)).of(0, 4096) is None


def test_a_line_of_microphones_tells_a_cone_and_no_side():
    direction = heard((40, 0.8), cone=True).of(0, 2048)
    assert direction.fields() == {"cone_deg": 40, "confidence": 0.8}
    assert heard((40, 0.8)).of(0, 2048).fields() == {"azimuth_deg": 40, "confidence": 0.8}


def test_a_talker_has_moved_when_two_sure_directions_lie_apart():
    directions = Directions()
    assert not directions.moved(Direction(90, 0.9))
    assert not directions.moved(Direction(90 + int(MOVED_DEG), 0.9))
    assert not directions.moved(Direction(300, SURE - 0.01))
    assert directions.moved(Direction(350, 0.9))
    assert not directions.moved(Direction(5, 0.9))


def test_memory_is_bounded():
    directions = heard(*[(90, 0.9)] * (KEPT + 1))
    assert directions.of(0, 2048) is None
    assert directions.of(2048, 4096) == Direction(90, 0.9)


@given(st.lists(st.tuples(st.floats(0, 359.99), st.floats(0.01, 1)), min_size=1, max_size=40))
def test_a_direction_is_near_some_bearing_and_no_surer_than_the_surest(bearings):
    direction = heard(*bearings).of(0, 40 * 2048)
    assert 0 <= direction.azimuth_deg < 360
    assert min(apart(direction.azimuth_deg, azimuth) for azimuth, _ in bearings) <= 12
    assert 0 <= direction.confidence <= max(confidence for _, confidence in bearings) + 0.01
