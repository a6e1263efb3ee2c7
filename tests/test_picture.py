from array import array

import pytest
from PIL import Image

from edgetx.errors import Refused
from edgetx.picture import Envelope, Story, draw


def pcm(*samples):
    return array("h", samples).tobytes()


def story(**more):
    return Story(**{"title": "talk.wav", "seconds": 10.0, "raw": [], "clean": [], "speech": [], "bearings": []} | more)


def colours(path, box):
    with Image.open(path) as image:
        return {colour for _, colour in image.convert("RGB").crop(box).getcolors(100_000)}


def test_an_envelope_holds_the_least_and_the_greatest_of_each_step_however_it_was_fed():
    whole, parts = Envelope(3), Envelope(3)
    whole.feed(pcm(1, -5, 3, 7, 8, 9, 100))
    for piece in (pcm(1), pcm(-5, 3, 7, 8), b"", pcm(9, 100)):
        parts.feed(piece)
    assert whole.ranges == parts.ranges == [(-5, 3), (7, 9)]


def test_the_picture_shows_sound_speech_and_directions(tmp_path):
    path, bare = tmp_path / "out.png", tmp_path / "bare.png"
    sound = [(-1000, 1000)] * 1000
    draw(story(raw=sound, clean=sound, speech=[(2.0, 4.0)], bearings=[(2.0, 2.1, 90.0, 1.0)]), path)
    draw(story(), bare)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width == 1200
    everything = (0, 0, 1200, 640)
    assert colours(path, everything) > {(0xD8, 0xF0, 0xD2), (0x2A, 0x6F, 0xBB), (0x9A, 0x9A, 0x9A), (0, 0, 0)}
    assert not colours(bare, everything) & {(0xD8, 0xF0, 0xD2), (0x2A, 0x6F, 0xBB), (0, 0, 0)}


@pytest.mark.parametrize("seconds", [0.0, 0.05, 3_600.0, 100_000.0])
def test_any_length_is_drawn(tmp_path, seconds):
    draw(story(seconds=seconds, raw=[(0, 0)], cone=True), tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(Refused, match="cannot be written: No such file"):
        draw(story(), tmp_path / "nowhere" / "out.png")


def test_without_pillow_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(Refused, match=r"python3 -m pip --python \S+ install pillow$"):
        draw(story(), tmp_path / "out.png")
