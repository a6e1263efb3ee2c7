"""Drives Aiola's official client of the third generation (aiola 0.4.0); runs in that client's own environment.

    PYTHON oracle_aiola.py http://127.0.0.1:PORT KEY FILE.pcm CHUNK_BYTES

streams 16 kHz mono PCM as a program written after the vendor's examples does, waits for two transcripts, ends the
session, and prints each event as one line of JSON.
"""

import json
import sys
import threading
import time
from pathlib import Path

from aiola import AiolaClient
from aiola.errors import AiolaError
from aiola.types import LiveEvents

PATIENCE_SECONDS = 20


def show(event, value):
    print(json.dumps({"event": event, "value": value}), flush=True)  # noqa: T201


def main():
    url, key, path, size = sys.argv[1:]
    pcm, heard = Path(path).read_bytes(), threading.Semaphore(0)
    client = AiolaClient(api_key=key, base_url=url, auth_base_url=url)
    try:
        connection = client.stt.stream(
            execution_id="exec0123",
            lang_code="en",
            time_zone="Europe/Berlin",
            keywords={"eye ola": "Aiola"},
            tasks_config={"TRANSLATION": {"src_lang_code": "en", "dst_lang_code": "de"}},
            vad_config={"threshold": 0.5, "min_silence_ms": 400},
        )

        def transcript(data):
            show("transcript", data)
            heard.release()

        connection.on(LiveEvents.Transcript, transcript)
        connection.connect()
    except AiolaError as error:
        show("error", str(error))
        return
    connection.set_keywords({"eye ola": "Aiola"})
    for start in range(0, len(pcm), int(size)):
        connection.send(pcm[start : start + int(size)])
        time.sleep(0.01)
    show("heard", [heard.acquire(timeout=PATIENCE_SECONDS) for _ in range(2)])
    connection.disconnect()
    token = connection._headers["Authorization"].removeprefix("Bearer ")
    show("closed", AiolaClient.close_session(token, url).status)


main()
