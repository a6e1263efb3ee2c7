"""The weights lie in the package, with their licence beside them."""

from importlib import resources

from edgetx.audio.speech_net import SpeechNet
from edgetx.audio.speech_weights import speech_net


def test_each_detector_is_its_own() -> None:
    assert isinstance(speech_net(), SpeechNet)
    assert speech_net() is not speech_net()


def test_the_licence_lies_beside_them() -> None:
    licence = (resources.files("edgetx.audio") / "silero_vad.LICENSE").read_text()
    assert "MIT License" in licence
    assert "Silero Team" in licence
