"""Shows how loud a microphone is, every so often, from what its capture thread sees."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any

from edgetx.audio.format import AudioFormat, Chunk


def level_reporter(
    seconds: float,
    put: Callable[[dict[str, Any]], None],
    *,
    clock: Callable[[], float],
    listened: Callable[[], Collection[int]],
) -> Callable[[AudioFormat, Chunk, bytes], None] | None:
    """Return what capture is to show each chunk to, in its thread, if levels are wanted: ``seconds`` is not 0.

    ``put`` takes the fields of the topic `level`, in that thread too; nothing as long as a front end holds all sound.
    ``listened`` gives the channels in which clipping counts.
    """
    if not seconds:
        return None
    from edgetx.audio.level import Meter  # noqa: PLC0415  (numpy, for which most need not pay)

    meter = Meter()
    due = clock()

    def measure(form: AudioFormat, chunk: Chunk, pcm: bytes) -> None:
        nonlocal due
        meter.feed(form, chunk, listened=listened(), pcm=pcm)
        if (now := clock()) >= due and not meter.is_empty:
            due = now + seconds
            put(asdict(meter.read()))

    return measure
