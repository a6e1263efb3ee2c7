"""What a microphone's capture can be, what may follow on what, and which changes are events. Pure.

`capture` says most of it. One thing it cannot say: that its own thread is stuck inside a driver. That is found from
outside (`MicrophoneState.looked_at`) and is called ``stalled`` too.
"""

MEANING = {
    "opening": "the device is being opened, for the first time or after a mute",
    "running": "sound comes",
    "silent": "sound comes, but every sample of it is the same: a switch that is off, a dead channel",
    "stalled": "the device is open and delivers nothing: it is closed and opened again until it does",
    "absent": "the device is not there, in use by another program, or went away: it is looked for",
    "error": "the device is there, but not as the settings want it, or may not be opened: it is tried now and then",
    "muted": "the device is closed, because somebody wants it so",
    "ended": "a recording was played to its end",
    "stopped": "nothing more will come",
}

FLOWING = frozenset({"running", "silent"})
"""The device delivers, or claims to: a second without a frame is a stall."""

AWAY = frozenset({"absent", "error", "stalled"})
"""The device ought to deliver, and does not: what goes by is lost."""

FOLLOWING = {
    "opening": AWAY | {"running", "muted", "stopped"},
    "running": AWAY | {"silent", "muted", "ended", "stopped"},
    "silent": AWAY | {"running", "muted", "ended", "stopped"},
    "stalled": AWAY | FLOWING | {"muted", "stopped"},
    "absent": AWAY | {"running", "muted", "stopped"},
    "error": AWAY | {"running", "muted", "stopped"},
    "muted": frozenset({"opening", "stopped"}),
    "ended": frozenset(),
    "stopped": frozenset(),
}

TOLD = AWAY | FLOWING | {"muted"}
"""Between these, a change is an event."""


def is_news(told: str, state: str) -> bool:
    """Return whether ``state`` is an event, where ``told`` was the last of `TOLD` before, or ``opening`` if none was.

    That all is as it should be at the beginning is none.
    """
    return state in TOLD and state != told and not (told == "opening" and state in {"running", "muted"})
