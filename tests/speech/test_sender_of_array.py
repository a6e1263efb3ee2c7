"""What an array's front end lets out late and in odd pieces is sent like any other sound: where it comes from."""

import numpy as np
import pytest

from edgetx import boards
from edgetx.audio.format import AudioFormat, Chunk, SampleFormat
from edgetx.audio.frontend import front_end
from tests.rigs.story import story
from tests.speech.test_sender import CHUNK, Notes, in_capture_thread, sending

USB = boards.named("respeaker-usb-4mic")


@pytest.mark.parametrize("rate", [16_000, 48_000])
@story
async def test_live_the_loop_is_not_woken_and_ten_chunks_leave_in_a_second(rate):
    ears = front_end(AudioFormat(rate, 6, SampleFormat.S16_LE), "auto", USB)
    noise = np.random.default_rng(2).normal(scale=500, size=(rate // 10, 6)).astype(np.int16).tobytes()
    left: list[int] = []
    async with sending(Notes()) as bench:
        for tenth in range(40):
            heard = ears.process(Chunk(tenth * rate // 10, rate // 10, noise))
            if heard.pcm:
                await bench.captures(lambda heard=heard: bench.log.append(heard.start, heard.pcm))
            left.append(len(bench.notes.sent))
        assert bench.notes.sizes == [CHUNK] * (bench.log.end // CHUNK)
        assert set(bench.notes.how) == {"now"}
        assert {ident for _, _, ident, _ in bench.notes.sent} == await in_capture_thread(bench)
        assert left[-1] - left[-21] == 20
        assert bench.live
