"""Drives AssemblyAI's official client (assemblyai 1.8.2) against a stand-in; runs in that client's own environment.

    PYTHON oracle_assemblyai.py ORDERS.json

ORDERS.json: {"host": "ws://127.0.0.1:PORT", "key", "pcm": FILE, "chunk_ms", "parameters": {...}, "token": {...} or
null, "commands": true or false}. It streams 16 kHz mono PCM in real time as a program written after the vendor's
examples does, with a temporary token if there are arguments for one, gives each command halfway if told to, and prints
each event of the session as one line of JSON: {"event": name, ...the vendor's fields}.
"""

import json
import sys
import time
from pathlib import Path

import httpx
from assemblyai.streaming.v3 import (
    StreamingClient,
    StreamingClientOptions,
    StreamingEvents,
    StreamingParameters,
    StreamingSessionParameters,
)

EVENTS = [event for event in StreamingEvents if event is not StreamingEvents.Error]


def show(name, fields):
    print(json.dumps({"event": name, **fields}), flush=True)  # noqa: T201


def options(orders):
    """With a token: ask for one as the client does; over HTTP, for it knows of no stand-in without TLS."""
    host = orders["host"]
    if not orders["token"]:
        return StreamingClientOptions(api_key=orders["key"], api_host=host)
    client = StreamingClient(StreamingClientOptions(api_key=orders["key"], api_host=host))
    headers = client._client._http_client.headers
    client._client._http_client = httpx.Client(base_url=host.replace("ws:", "http:"), headers=headers, trust_env=False)
    return StreamingClientOptions(token=client.create_temporary_token(**orders["token"]), api_host=host)


def command(client):
    client.keep_alive()
    client.set_params(StreamingSessionParameters(max_turn_silence=900, keyterms_prompt=[], format_turns=False))
    client.force_endpoint()


def main():
    orders = json.loads(Path(sys.argv[1]).read_text())
    pcm, size = Path(orders["pcm"]).read_bytes(), orders["chunk_ms"] * 32
    client = StreamingClient(options(orders))
    for event in EVENTS:
        client.on(event, lambda _, message: show(message.type, json.loads(message.json())))
    client.on(StreamingEvents.Error, lambda _, error: show("Error", {"error": str(error), "code": error.code}))
    client.connect(StreamingParameters(**orders["parameters"]))
    for start in range(0, len(pcm), size):
        if orders["commands"] and start == len(pcm) // size // 2 * size:
            command(client)
        client.stream(pcm[start : start + size])
        time.sleep(orders["chunk_ms"] / 1000)
    client.disconnect(terminate=True)


main()
