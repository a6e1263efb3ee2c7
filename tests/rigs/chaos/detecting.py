"""A daemon whose gate hears what the theatre's sound says: numbers, which no detector would take for speech.

As a program:

    python detecting.py PYTHON -m edgetx.cli ARGUMENT...
"""

import runpy
import sys
from pathlib import Path
from types import ModuleType

CHECKOUT = Path(__file__).parents[3]


def main() -> None:
    """Put the rigs' detector in the place of the daemon's, and become the daemon."""
    sys.path[:0] = [str(CHECKOUT)]
    from tests.rigs.detector import Loud  # noqa: PLC0415

    name = "edgetx.audio.speech_gate"
    stand_in = ModuleType(name)
    stand_in.SpeechGate = Loud  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    _, _, module, *arguments = sys.argv[1:]
    sys.argv = ["edgetx", *arguments]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
