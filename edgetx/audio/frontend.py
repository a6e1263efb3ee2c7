"""From what a device delivers to what the rest of edgetx hears: see `heard`.

Most microphones that speech is taken from deliver just what is wanted: their bytes pass as they are. The rest is the
business of `mixing`, and of `arrayed` for an array, which are imported (with numpy) only then.
"""

from edgetx.audio.format import RATE, AudioFormat, SampleFormat
from edgetx.audio.heard import FrontEnd
from edgetx.board import Board
from edgetx.errors import Refused
from edgetx.listening import Listen

WANTED = AudioFormat(RATE, 1, SampleFormat.S16_LE)


def front_end(
    form: AudioFormat, listen: Listen, array: Board | None = None, before: FrontEnd | None = None
) -> FrontEnd | None:
    """Return the front end for a source of format ``form``; None: what it delivers is right as it is.

    One channel is listened to by itself, whatever ``array`` it belongs to. Without an array, a way of listening that
    needs one is as good as ``auto``. ``before``: that of an earlier opening. Raise Refused for a channel, or an array,
    that the source does not have.
    """
    if array is not None and not isinstance(listen, int):
        if misfit := array.misfit(form.channels):
            raise Refused(misfit)
        from edgetx.audio import arrayed  # noqa: PLC0415  (as below)

        return arrayed.front_end(form, listen, array, before)
    channels = _channels(form, listen)
    if form == WANTED:
        return None
    from edgetx.audio import mixing  # noqa: PLC0415  (35 ms and 13 MB that most microphones need not pay)

    return mixing.front_end(form, channels)


def _channels(form: AudioFormat, listen: Listen) -> int | slice:
    if listen == "mix" and form.channels > 1:
        return slice(None)
    channel = listen if isinstance(listen, int) else 0
    if not 0 <= channel < form.channels:
        raise Refused(
            f"Channel {channel} does not exist: the source has {form.channels}, numbered from 0. "
            "Set 'listen' to one of them, 'mix' or 'auto'."
        )
    return channel
