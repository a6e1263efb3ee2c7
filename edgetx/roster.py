"""Services by name that can be exchanged while the daemon runs: the microphones, and the connection to the broker.

Each is made from a *plan*: every setting and every secret that it depends on. `apply` compares plans: a service whose
plan is equal goes on and notices nothing; one whose plan is another's, or is gone, is wound up as at the daemon's stop,
inside its own deadline, and then the new ones are made. All old ones end first: two cannot have the same device.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from edgetx.supervisor import Service, wind_up

Plan = TypeVar("Plan")


@dataclass(slots=True)
class _Member(Generic[Plan]):
    plan: Plan
    service: Service
    task: "asyncio.Future[None] | None" = None
    ending: "asyncio.Future[None] | None" = None

    @property
    def is_done(self) -> bool:
        return self.task is not None and self.task.done()


class Roster(Generic[Plan]):
    """``make(plan)`` returns a service, ready to run; ``left(plan)`` hears of one that was exchanged or taken off.

    To be made inside a running loop.
    """

    def __init__(self, make: Callable[[Plan], Service], *, left: Callable[[Plan], None]) -> None:
        self._make = make
        self._left = left
        self._plans: Mapping[str, Plan] = {}
        self._members: dict[str, _Member[Plan]] = {}
        self._running = False
        self._leaving = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def enrol(self, plans: Mapping[str, Plan]) -> None:
        """Make the services that ``plans`` has and the roster has not; `run` starts them, now if it runs already."""
        self._plans = plans
        for name, plan in plans.items():
            if name not in self._members:
                self._members[name] = _Member(plan, self._make(plan))
        if self._running:
            self._start()

    async def run(self) -> None:
        """Run until every service is done, or one has failed: then wind up the others and raise its error."""
        self._running = True
        self._start()
        try:
            await asyncio.wait((self._over,))
            await self.stop()
        finally:
            for member in self._members.values():
                if member.task is not None:
                    member.task.cancel()
        self._over.result()

    async def apply(self, plans: Mapping[str, Plan]) -> bool:
        """Bring the roster to ``plans``; return whether that was done: not once `stop` was called.

        One call at a time.
        """
        if self._leaving:
            return False
        self._plans = plans
        gone = {name: member for name, member in self._members.items() if plans.get(name) != member.plan}
        await _end_all(gone.values())
        for name, member in gone.items():
            del self._members[name]
            self._left(member.plan)
        if not self._leaving:
            self.enrol(plans)
        self._look()
        return not self._leaving

    async def stop(self) -> None:
        """Wind up all services together; `run` ends with the last."""
        self._leaving = True
        self._plans = {}
        await _end_all(self._members.values())
        self._look()

    def _start(self) -> None:
        for member in self._members.values():
            if member.task is None:
                member.task = asyncio.ensure_future(member.service.run())
                member.task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error and not self._over.done():
            self._over.set_exception(error)
        self._look()

    def _look(self) -> None:
        """Nobody runs, and nobody is still to be made: it is over."""
        awaited = any(
            name not in self._members or self._members[name].plan != plan for name, plan in self._plans.items()
        )
        if not awaited and all(member.is_done for member in self._members.values()) and not self._over.done():
            self._over.set_result(None)


async def _end_all(members: Iterable["_Member[Plan]"]) -> None:
    """Wind ``members`` up together, all of them; then raise what one of them raised."""
    outcomes = await asyncio.gather(*(_end(member) for member in members), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


async def _end(member: "_Member[Plan]") -> None:
    """Wind ``member`` up once, however many ask for it; who is cancelled meanwhile does not break that off."""
    if member.task is not None:
        member.ending = member.ending or asyncio.ensure_future(wind_up(member.service, member.task))
        await asyncio.shield(member.ending)
