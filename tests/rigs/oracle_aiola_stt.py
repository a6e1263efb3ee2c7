"""Drives Aiola's official client of the second generation (aiola-stt 0.1.20); runs in that client's own environment.

    PYTHON oracle_aiola_stt.py http://127.0.0.1:PORT KEY FILE.pcm CHUNK_BYTES

streams 16 kHz mono PCM, with the silence that the client puts behind a file, waits for two transcripts and prints each
event as one line of JSON. Its microphone library needs a sound server to be imported; it is not used here.
"""

import asyncio
import json
import logging
import sys
import types
from pathlib import Path

sys.modules["sounddevice"] = types.SimpleNamespace(RawInputStream=None)

from aiola_stt import AiolaConfig, AiolaQueryParams, AiolaSttClient  # noqa: E402
from aiola_stt.config import VadConfig  # noqa: E402
from socketio.exceptions import ConnectionError  # noqa: A004, E402 - what it raises when it is refused

PATIENCE_SECONDS = 20


def show(event, value):
    print(json.dumps({"event": event, "value": value}), flush=True)  # noqa: T201


async def main(url, key, pcm, size):
    logging.disable(logging.CRITICAL)
    heard = asyncio.Semaphore(0)

    def transcript(data):
        show("transcript", data)
        heard.release()

    config = AiolaConfig(
        api_key=key,
        base_url=url,
        query_params=AiolaQueryParams(execution_id="exec0123", lang_code="de_DE", time_zone="Europe/Berlin"),
        vad_config=VadConfig(vad_threshold=0.5, min_silence_duration_ms=400),
        events={"on_transcript": transcript, "on_error": lambda error: show("error", str(error))},
        transports="websocket",
    )
    client = AiolaSttClient(config)
    pcm, all_sent = client._silence_padding(pcm, 16000, int(size)), asyncio.Event()

    async def sound():
        for start in range(0, len(pcm), int(size)):
            yield pcm[start : start + int(size)]
            await asyncio.sleep(0.01)
        all_sent.set()

    await client.set_keywords(["aiola", "ngnix"])
    try:
        await client.connect(auto_record=True, custom_stream_generator=sound())
    except ConnectionError as error:
        show("raised", type(error).__name__)
        return
    async with asyncio.timeout(PATIENCE_SECONDS):
        await all_sent.wait()
        for _ in range(2):
            await heard.acquire()
    await client.disconnect()
    show("closed", "")


asyncio.run(main(*sys.argv[1:3], Path(sys.argv[3]).read_bytes(), sys.argv[4]))
