"""edgetx: microphones in, transcripts on MQTT out, nothing lost in between."""

__version__ = "0.1.0"
