"""Drives AssemblyAI's official v2 client (assemblyai 0.33.0) against a stand-in; runs in that client's own environment.

    PYTHON oracle_assemblyai_v2.py 127.0.0.1:PORT KEY FILE.pcm '{"chunk_ms": 100, ...}'

streams 16 kHz mono PCM as a program written after the vendor's examples does, and prints each callback as one line of
JSON: {"event": name, ...the vendor's fields}. Options, all with a default: ``chunk_ms`` and ``bytes_a_ms``, ``pace``
(1: real time), ``token_seconds`` (fetch a token), ``force_at`` (the number of the chunk after which the utterance is
to end), ``close`` (ask for the end, and wait for it) and ``settings``, arguments of the vendor's class.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

import assemblyai as aai

DEFAULTS = {"chunk_ms": 100, "bytes_a_ms": 32, "pace": 1, "close": True, "settings": {}}
DEFAULTS |= {"token_seconds": None, "force_at": None}
LOCK = threading.Lock()
OVER = threading.Event()


def show(event, fields):
    with LOCK:
        print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201


def on_close():
    show("Close", {})
    OVER.set()


def main():
    place, key, path, given = sys.argv[1:]
    options = DEFAULTS | json.loads(given)
    aai.settings.api_key = key
    token = None
    if options["token_seconds"]:
        aai.settings.base_url = f"http://{place}"
        token = aai.RealtimeTranscriber.create_temporary_token(expires_in=options["token_seconds"])
        show("Token", {"token": token})
    aai.settings.base_url = f"ws://{place}"
    settings = options["settings"]
    settings["encoding"] = aai.AudioEncoding(settings.get("encoding", "pcm_s16le"))
    if settings.pop("information", True):
        settings["on_extra_session_information"] = lambda said: show("Information", json.loads(said.json()))
    client = aai.RealtimeTranscriber(
        on_data=lambda said: show(said.message_type.value, json.loads(said.json())),
        on_error=lambda error: show("Error", {"error": str(error)}),
        on_open=lambda said: show("Open", json.loads(said.json())),
        on_close=on_close,
        token=token,
        **{"sample_rate": 16_000, **settings},
    )
    client.connect()
    pcm = Path(path).read_bytes()
    size = options["chunk_ms"] * options["bytes_a_ms"]
    for number, start in enumerate(range(0, len(pcm), size)):
        client.stream(pcm[start : start + size])
        if number == options["force_at"]:
            client.force_end_utterance()
        time.sleep(options["chunk_ms"] / 1000 / options["pace"])
        if OVER.is_set():
            break
    else:
        if options["close"]:
            client.close()
        OVER.wait(1)


main()
os._exit(0)  # After a close by the server the client's writing thread waits for ever.
