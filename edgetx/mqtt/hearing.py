"""Hears the requests that come by the broker, has them obeyed, and answers.

Each connection subscribes anew, for the broker keeps nothing for us. A broker that does not let us hear requests is
still good for all else: that is reported, no more. Some do not refuse but hang up; so after `IN_VAIN` connections in a
row that ended before the broker had answered, the next does without, and the one after it tries again.

A retained request is not obeyed: it would come again at each start, long after somebody wanted it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgetx.errors import TryAgain
from edgetx.mqtt.commands import Incoming, Pace, Request, read, switches
from edgetx.mqtt.connection import Connection
from edgetx.mqtt.topics import Publication, Response, Topics

IN_VAIN = 2
SOON_SECONDS = 1.0
"""What is retained comes at once, and paho hangs up on some of it that MQTT allows (U+FEFF in a property)."""
LARGEST_BYTES = 65_536
"""A packet that is larger is no request: a broker of version 5 is asked to keep it, with an older one it is the end."""


@dataclass(slots=True)
class Hearing:
    """``obey(request)`` returns the response's data, or in words why there is none; it is begun at once.

    ``report``: ``connected``, or ``limited`` with the reason why requests are not heard. ``warn`` takes a sentence for
    the log. ``put`` publishes. ``clock`` is monotonic seconds.
    """

    topics: Topics
    obey: Callable[[Request], Awaitable[Mapping[str, Any] | str]]
    put: Callable[[Publication], None]
    report: Callable[[str, str], None]
    warn: Callable[[str], None]
    clock: Callable[[], float]
    _pace_of_switches: Pace = field(default_factory=Pace)
    _pace: Pace = field(default_factory=Pace)  # of all else
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    _in_vain: int = 0
    _asked_at: float | None = None
    _waiting: bool = False  # for the broker to say whether we may hear
    _warned: set[str] = field(default_factory=set)

    def begin(self, connection: Connection) -> None:
        """Listen on a connection that was just opened."""
        self._warned.clear()
        if self._in_vain < IN_VAIN:
            self._waiting, self._asked_at = True, self.clock()
            connection.subscribe(self.topics.requests, self._take, self._answered)
        else:
            self._asked_at = None
            self.report("limited", "Requests are not heard: the connection ended each time they were asked for.")

    def ended(self) -> None:
        """Say that the connection is over."""
        soon = self._asked_at is not None and self.clock() - self._asked_at < SOON_SECONDS
        self._in_vain = self._in_vain + 1 if self._waiting or soon else 0
        self._waiting = False

    async def stop(self) -> None:
        """Break off what is still being obeyed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _answered(self, refusal: TryAgain | None) -> None:
        self._waiting = False
        if refusal is None:
            self.report("connected", "")
        else:
            self.report("limited", f"Requests are not heard. {refusal}")

    def _take(self, message: Incoming) -> None:
        if message.retained:
            self._warn("A retained request is not obeyed, for it would come again at each start; send it unretained.")
            return
        pace = self._pace_of_switches if switches(message, self.topics) else self._pace
        left = pace.left(self.clock())
        if left < 0:
            self._warn("Requests come faster than they are obeyed; some are not even answered.")
            return
        request = read(message, self.topics)
        if request is None:
            self._warn("A request came that nobody could be answered to; it is not obeyed.")
            return
        if isinstance(request, Request) and not left:
            request = request.asker.denied("There were too many requests; wait a few seconds.")
        task = asyncio.ensure_future(self._answer(request))  # Later: this is called by paho, under its locks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request | Response) -> None:
        if isinstance(request, Request):
            said = await self.obey(request)
            request = request.asker.denied(said) if isinstance(said, str) else request.asker.told(said)
        self.put(request)

    def _warn(self, text: str) -> None:
        """Say it once on each connection."""
        if text not in self._warned:
            self._warned.add(text)
            self.warn(text)
