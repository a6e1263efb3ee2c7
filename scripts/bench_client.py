"""The official client's driver: sends a microphone's sound as a program written after the vendor's examples does.

    PYTHON bench_client.py ws://127.0.0.1:PORT KEY FIFO

Runs in an environment that holds assemblyai 1.8.2 and nothing of ours. It reads 100 ms at a time, in the loop that
hands them to ``stream``, and does nothing with what it hears: the cheapest program that can be written with the client.
"""

import sys
from pathlib import Path

from assemblyai.streaming.v3 import StreamingClient, StreamingClientOptions, StreamingEvents, StreamingParameters

CHUNK_BYTES = 3200


def main() -> None:
    host, key, fifo = sys.argv[1:]
    client = StreamingClient(StreamingClientOptions(api_key=key, api_host=host))
    client.on(StreamingEvents.Turn, lambda _client, _turn: None)
    client.on(StreamingEvents.Error, lambda _client, error: print(f"the official client: {error}", file=sys.stderr))
    client.connect(
        StreamingParameters(sample_rate=16000, encoding="pcm_s16le", speech_model="universal-streaming-english")
    )
    with Path(fifo).open("rb", buffering=0) as microphone:
        while chunk := microphone.read(CHUNK_BYTES):
            client.stream(chunk)
    client.disconnect(terminate=True)


main()
