"""The roster, with services that are nothing but waiting and leaving."""

import asyncio
from dataclasses import replace

import pytest

from edgetx.roster import Roster
from edgetx.supervisor import Service
from tests.rigs.story import story, until


class Crew:
    """A roster whose plans are words; ``notes`` what happens to the services, each named by its plan."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.asked: dict[str, asyncio.Event] = {}
        self.release = asyncio.Event()
        self.release.set()
        self.roster = Roster(self._make, left=lambda plan: self.notes.append(f"{plan} left"))

    def _make(self, plan: str) -> Service:
        asked = self.asked[plan] = asyncio.Event()

        async def run() -> None:
            self.notes.append(f"{plan} runs")
            await asked.wait()
            if plan == "bad":
                raise ZeroDivisionError
            self.notes.append(f"{plan} is done")

        async def stop() -> None:
            self.notes.append(f"{plan} is asked to stop")
            await self.release.wait()
            asked.set()

        return Service(plan, run, stop, stop_seconds=5.0)

    def begin(self, **plans: str) -> "asyncio.Task[None]":
        self.roster.enrol(plans)
        return asyncio.create_task(self.roster.run())

    def has(self, note: str) -> bool:
        return note in self.notes


@story
async def test_who_is_unchanged_goes_on_and_old_ones_end_before_new_ones_are_made():
    crew = Crew()
    running = crew.begin(desk="a", hall="b", loft="c")
    await until(lambda: crew.has("c runs"))
    crew.notes.clear()
    assert await crew.roster.apply({"desk": "a", "hall": "b2", "porch": "d"})
    await until(lambda: crew.has("d runs"))
    assert sorted(crew.notes[:2]) == ["b is asked to stop", "c is asked to stop"]
    assert sorted(crew.notes[2:4]) == ["b is done", "c is done"]
    assert sorted(crew.notes[4:6]) == ["b left", "c left"]
    assert sorted(crew.notes[6:]) == ["b2 runs", "d runs"]
    await crew.roster.stop()
    await running


@story
async def test_it_is_over_when_all_are_done_but_not_while_one_is_exchanged():
    crew = Crew()
    running = crew.begin(desk="a")
    await until(lambda: crew.has("a runs"))
    await crew.roster.apply({"desk": "a2"})
    await until(lambda: crew.has("a2 runs"))
    assert not running.done()
    crew.asked["a2"].set()
    await running


@story
async def test_it_is_over_when_the_last_that_runs_is_taken_off():
    crew = Crew()
    running = crew.begin(desk="a", talk="t")
    await until(lambda: crew.has("t runs"))
    crew.asked["t"].set()
    await until(lambda: crew.has("t is done"))
    await crew.roster.apply({"talk": "t"})
    await running
    assert crew.notes[-2:] == ["a is done", "a left"]


@story
async def test_a_stop_in_the_midst_of_an_exchange_waits_for_it_and_makes_nothing_new():
    crew = Crew()
    running = crew.begin(desk="a", hall="b")
    await until(lambda: crew.has("b runs"))
    crew.release.clear()
    applying = asyncio.create_task(crew.roster.apply({"desk": "a", "hall": "b2"}))
    await until(lambda: crew.has("b is asked to stop"))
    stopping = asyncio.create_task(crew.roster.stop())
    await until(lambda: crew.has("a is asked to stop"))
    assert not running.done()
    assert not await crew.roster.apply({"desk": "a3"})
    crew.release.set()
    await stopping
    assert not await applying
    await running
    assert crew.notes.count("b is asked to stop") == 1
    assert not [note for note in crew.notes if "2" in note or "3" in note]


@story
async def test_who_exchanges_and_is_cancelled_does_not_break_the_winding_up_off():
    crew = Crew()
    running = crew.begin(hall="b")
    await until(lambda: crew.has("b runs"))
    crew.release.clear()
    applying = asyncio.create_task(crew.roster.apply({"hall": "b2"}))
    await until(lambda: crew.has("b is asked to stop"))
    applying.cancel()
    await asyncio.wait((applying,))
    crew.release.set()
    await crew.roster.stop()
    await running
    assert crew.notes == ["b runs", "b is asked to stop", "b is done"]


@story
async def test_a_failure_stops_the_others_in_good_order_and_is_raised():
    crew = Crew()
    running = crew.begin(desk="a", hall="bad")
    await until(lambda: crew.has("bad runs"))
    crew.asked["bad"].set()
    with pytest.raises(ZeroDivisionError):
        await running
    assert crew.notes[-2:] == ["a is asked to stop", "a is done"]


@story
async def test_a_stop_that_fails_keeps_no_other_from_being_stopped_and_is_raised():
    crew = Crew()
    crew.roster.enrol({"desk": "a", "hall": "b"})

    async def fail() -> None:
        raise ZeroDivisionError

    crew.roster._members["desk"].service = replace(crew.roster._members["desk"].service, stop=fail)
    running = asyncio.create_task(crew.roster.run())
    await until(lambda: crew.has("b runs"))
    with pytest.raises(ZeroDivisionError):
        await crew.roster.stop()
    assert crew.notes == ["a runs", "b runs", "b is asked to stop", "b is done"]
    running.cancel()
    await asyncio.wait((running,))


@story
async def test_a_failure_in_an_exchange_is_raised_too():
    crew = Crew()
    running = crew.begin(desk="a", hall="bad")
    await until(lambda: crew.has("bad runs"))
    await crew.roster.apply({"desk": "a"})
    with pytest.raises(ZeroDivisionError):
        await running


@story
async def test_cut_short_it_takes_its_services_with_it():
    crew = Crew()
    running = crew.begin(desk="a")
    await until(lambda: crew.has("a runs"))
    running.cancel()
    await asyncio.wait((running,))
    assert running.cancelled()
    await until(lambda: len(asyncio.all_tasks()) == 1)
