"""Put a recording of one channel onto six: ``six_channels.py FROM TO``; ``hush`` for FROM is two seconds of hush."""

import array
import random
import sys
import wave

CHANNELS = 6
RATE = 16000
HUSH_SECONDS = 2
LOUDEST = 3


def main() -> None:
    heard = hush() if sys.argv[1] == "hush" else recording(sys.argv[1])
    out = array.array("h", bytes(2 * CHANNELS * len(heard)))
    for channel in range(CHANNELS):
        out[channel::CHANNELS] = heard
    with wave.open(sys.argv[2], "wb") as six:
        six.setnchannels(CHANNELS)
        six.setsampwidth(2)
        six.setframerate(RATE)
        six.writeframes(out.tobytes())


def hush() -> "array.array[int]":
    return array.array("h", (random.randint(-LOUDEST, LOUDEST) for _ in range(HUSH_SECONDS * RATE)))


def recording(path: str) -> "array.array[int]":
    with wave.open(path) as given:
        return array.array("h", given.readframes(given.getnframes()))


if __name__ == "__main__":
    main()
