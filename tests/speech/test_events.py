from edgetx.speech.events import Direction


def test_a_direction_is_an_azimuth_and_of_a_line_a_cone():
    assert Direction(270, 0.9).fields() == {"azimuth_deg": 270, "confidence": 0.9}
    assert Direction(40, 0.9, cone=True).fields() == {"cone_deg": 40, "confidence": 0.9}
