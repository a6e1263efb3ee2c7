"""Drives AssemblyAI's official client (assemblyai 1.8.2) against a stand-in; runs in that client's own environment.

    PYTHON oracle_assemblyai.py ws://127.0.0.1:PORT KEY FILE.pcm CHUNK_MS

streams 16 kHz mono PCM in real time as a program written after the vendor's examples does, and prints each event of
the session as one line of JSON: {"event": name, ...the vendor's fields}.
"""

import json
import sys
import time
from pathlib import Path

from assemblyai.streaming.v3 import (
    StreamingClient,
    StreamingClientOptions,
    StreamingEvents,
    StreamingParameters,
)

EVENTS = (StreamingEvents.Begin, StreamingEvents.Turn, StreamingEvents.Termination)


def show(name, fields):
    print(json.dumps({"event": name, **fields}), flush=True)  # noqa: T201


def main():
    host, key, path, chunk_ms = sys.argv[1:]
    pcm, size = Path(path).read_bytes(), int(chunk_ms) * 32
    client = StreamingClient(StreamingClientOptions(api_key=key, api_host=host))
    for event in EVENTS:
        client.on(event, lambda _, message: show(message.type, json.loads(message.json())))
    client.on(StreamingEvents.Error, lambda _, error: show("Error", {"error": str(error), "code": error.code}))
    parameters = StreamingParameters(
        sample_rate=16000,
        encoding="pcm_s16le",
        speech_model="universal-streaming-english",
        format_turns=True,
        keyterms_prompt=["Aiola", "x y"],
        end_of_turn_confidence_threshold=0.5,
        min_turn_silence=300,
        max_turn_silence=2000,
    )
    client.connect(parameters)
    for start in range(0, len(pcm), size):
        client.stream(pcm[start : start + size])
        time.sleep(int(chunk_ms) / 1000)
    client.disconnect(terminate=True)


main()
