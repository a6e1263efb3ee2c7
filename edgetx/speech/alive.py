"""When a session that no sound comes for is to be kept open. Pure: it is asked again and again, turn by turn."""


class KeepAlive:
    """``every_seconds`` without sound, at most, something is due; None: never. ``frames`` were sent so far."""

    def __init__(self, every_seconds: float | None, frames: int, *, turn_seconds: float) -> None:
        self._every_seconds = every_seconds or float("inf")
        self.turn_seconds = min(turn_seconds, self._every_seconds / 2)
        """So long after the last time it is to be asked again."""
        self._frames = frames
        self._quiet_seconds = 0.0

    def is_due(self, frames: int) -> bool:
        """Return whether it is, ``frames`` having been sent so far; a turn has gone by."""
        self._quiet_seconds = self._quiet_seconds + self.turn_seconds if frames == self._frames else 0.0
        self._frames = frames
        # The quiet began up to a turn before it was noticed, and it is a turn until this is asked again.
        if not self._quiet_seconds or self._quiet_seconds + 2 * self.turn_seconds <= self._every_seconds:
            return False
        self._quiet_seconds = 0.0
        return True
