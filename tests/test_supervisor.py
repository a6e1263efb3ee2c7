"""The supervisor, with services that are nothing but waiting and leaving."""

import asyncio
import os
import signal
import threading

import pytest

from edgetx.supervisor import DaemonThreads, Service, supervise

DEADLINE_SECONDS = 20


class Stage:
    """Runs until stopped; notes in ``story`` what happens to it."""

    def __init__(self, name: str, story: list[str]) -> None:
        self.name = name
        self.story = story
        self.asked = asyncio.Event()

    async def run(self) -> None:
        self.story.append(f"{self.name} runs")
        await self.asked.wait()
        self.story.append(f"{self.name} is done")

    async def stop(self) -> None:
        self.asked.set()

    def service(self, *, leading: bool = False, stop_seconds: float = 5.0) -> Service:
        return Service(self.name, self.run, self.stop, stop_seconds=stop_seconds, leading=leading)


def story_of(scene) -> list[str]:
    story: list[str] = []

    async def play() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await scene(story)

    asyncio.run(play())
    return story


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_leading_ones_first_and_the_rest_in_order(number):
    async def scene(story):
        mic, mqtt = Stage("mic", story), Stage("mqtt", story)
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), number)
        services = [mic.service(leading=True), mqtt.service()]
        await supervise(services, stopping=lambda: story.append("stopping"))

    assert story_of(scene) == ["mic runs", "mqtt runs", "stopping", "mic is done", "mqtt is done"]


def test_a_hangup_asks_for_a_reload_and_stops_nobody():
    async def scene(story):
        mic = Stage("mic", story)

        def reload() -> None:
            story.append("reload")
            mic.asked.set()

        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGHUP)
        await supervise([mic.service(leading=True)], stopping=lambda: None, reload=reload)

    assert story_of(scene) == ["mic runs", "reload", "mic is done"]


def test_when_every_leading_service_is_done_the_others_are_stopped():
    async def scene(story):
        mic, mqtt = Stage("mic", story), Stage("mqtt", story)
        mic.asked.set()
        await supervise([mic.service(leading=True), mqtt.service()], stopping=lambda: None)

    assert story_of(scene) == ["mic runs", "mic is done", "mqtt runs", "mqtt is done"]


def test_a_failure_stops_the_others_and_is_raised():
    async def fail() -> None:
        raise ZeroDivisionError

    async def scene(story):
        mqtt = Stage("mqtt", story)
        with pytest.raises(ZeroDivisionError):
            await supervise([Service("mic", fail, leading=True), mqtt.service()], stopping=lambda: None)

    assert story_of(scene) == ["mqtt runs", "mqtt is done"]


def test_a_stop_that_fails_keeps_no_other_from_being_stopped_and_is_raised():
    async def fail() -> None:
        raise ZeroDivisionError

    async def scene(story):
        mic, other, mqtt = Stage("mic", story), Stage("other", story), Stage("mqtt", story)
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        broken = Service("mic", mic.run, fail, stop_seconds=5.0, leading=True)
        with pytest.raises(ZeroDivisionError):
            await supervise([broken, other.service(leading=True), mqtt.service()], stopping=lambda: None)

    assert story_of(scene) == ["mic runs", "other runs", "mqtt runs", "other is done", "mqtt is done"]


def test_who_does_not_stop_in_time_is_cut_short(caplog):
    async def refuse() -> None:
        pass

    async def scene(story):
        mic = Stage("mic", story)
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        service = Service("mic", mic.run, refuse, stop_seconds=0.05, leading=True)
        await supervise([service], stopping=lambda: None)

    assert story_of(scene) == ["mic runs"]
    assert "mic did not stop within 0.05 s and was cut short." in caplog.text


def test_who_has_nothing_to_wind_up_is_simply_ended():
    async def scene(story):
        mic, monitor = Stage("mic", story), Stage("monitor", story)
        mic.asked.set()
        await supervise([mic.service(leading=True), Service("monitor", monitor.run)], stopping=lambda: None)

    assert story_of(scene) == ["mic runs", "mic is done", "monitor runs"]


def test_a_bug_in_a_callback_of_the_loop_ends_the_daemon_too(caplog):
    async def scene(story):
        mic = Stage("mic", story)
        asyncio.get_running_loop().call_later(0.02, lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await supervise([mic.service(leading=True)], stopping=lambda: None)

    assert story_of(scene) == ["mic runs", "mic is done"]
    assert "Exception in callback" in caplog.text


def in_a_thread(work) -> None:
    async def call() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        await loop.run_in_executor(None, work)

    asyncio.run(call())


def test_work_in_a_thread_is_awaited_and_its_error_is_raised():
    done: list[threading.Thread] = []
    in_a_thread(lambda: done.append(threading.current_thread()))
    assert done[0].daemon
    with pytest.raises(ZeroDivisionError):
        in_a_thread(lambda: 1 // 0)


def test_a_thread_that_hangs_in_a_resolver_keeps_nobody():
    release, entered = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        release.wait(DEADLINE_SECONDS)

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        hanging = loop.run_in_executor(None, hang)
        await asyncio.to_thread(entered.wait, DEADLINE_SECONDS)
        hanging.cancel()

    asyncio.run(leave())
    (stuck,) = [thread for thread in threading.enumerate() if thread.name == "hang"]
    assert stuck.is_alive()
    release.set()
    stuck.join(DEADLINE_SECONDS)
    assert not stuck.is_alive()
