"""The weights of the speech detector, as they lie in the package (0.5 MB; their licence lies beside them).

scripts/derive_speech_net.py made the file of the official package, and can tell whether it is still what that gives.
"""

from importlib import resources

import numpy as np

from edgetx.audio.speech_net import SpeechNet


def speech_net() -> SpeechNet:
    """Return a detector that has heard nothing yet. It takes 1.5 MB."""
    with (resources.files("edgetx.audio") / "silero_vad.npz").open("rb") as file, np.load(file) as weights:
        return SpeechNet(dict(weights))
