"""The wire to the real recogniser, in its real process."""

import asyncio
import gc
import os
import signal
import sys
import wave
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edgetx.errors import Refused, TryAgain
from edgetx.provider_settings import LocalSettings
from edgetx.speech.events import Closed, Opened, SessionEvent, Utterance, Verdict
from edgetx.speech.process import connect
from edgetx.speech.providers.local import Local
from edgetx.speech.session import ProcessRequest, Wire
from tests.rigs.opening import request_of
from tests.rigs.story import until

SPEECH = Path(__file__).parents[1] / "rigs" / "speech"
DEADLINE_SECONDS = 60


def pcm(name: str) -> bytes:
    with wave.open(str(SPEECH / name)) as file:
        return file.readframes(file.getnframes())


async def converse(settings: LocalSettings, sound: bytes) -> list[SessionEvent]:
    """Send ``sound`` in pieces of 100 ms, finish, and return all events up to Closed."""
    provider = Local("local", settings)
    session = provider.session()
    events: list[SessionEvent] = []
    async with asyncio.timeout(DEADLINE_SECONDS), connect(request_of(provider.opening())) as wire:
        for at in range(0, len(sound), 3200):
            session.send_audio(sound[at : at + 3200])
        session.finish()
        try:
            for message in session.to_send():
                await wire.send(message)
        except TryAgain:
            assert settings != LocalSettings()  # The child left before it was told all: it must say why.
        while not any(isinstance(event, Closed) for event in events):
            message = await wire.receive()
            if message is None:
                session.connection_closed(wire.close_code, wire.close_reason)
            else:
                session.receive(message)
            events += session.events()
    return events


async def fill(wire: Wire) -> None:
    while True:
        await wire.send(bytes(100_000))


def finals(events: list[SessionEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Utterance) and event.final]


def test_free_speech_gives_partials_and_a_final_with_word_times():
    events = asyncio.run(converse(LocalSettings(), pcm("austen-0930.wav")))
    assert isinstance(events[0], Opened)
    assert any(isinstance(event, Utterance) and not event.final for event in events)
    assert "might even have been made" in " ".join(finals(events))
    (final,) = (event for event in events if isinstance(event, Utterance) and event.final)
    times = [word.start_ms for word in final.words]
    assert times == sorted(times)
    assert all(0 <= word.start_ms < word.end_ms <= 3300 for word in final.words)
    assert events[-1] == Closed("The session was finished.", clean=True)


@pytest.mark.parametrize("frames", [480 * 80, 480 * 80 + 1])
def test_speech_that_ends_with_the_sound_is_not_lost_wherever_it_is_cut(frames):
    events = asyncio.run(converse(LocalSettings(), pcm("austen-0930.wav")[: 2 * frames]))
    assert "might even have" in " ".join(finals(events))
    assert events[-1] == Closed("The session was finished.", clean=True)


def test_a_grammar_makes_it_exact(tmp_path):
    grammar = tmp_path / "commands.jsgf"
    grammar.write_text(
        "#JSGF V1.0;\ngrammar c;\npublic <c> = he might even have been made (amiable | angry) himself;\n"
    )
    events = asyncio.run(converse(LocalSettings(grammar=grammar), pcm("austen-0930.wav")))
    assert finals(events) == ["he might even have been made amiable himself"]


def test_keyphrases_are_spotted_and_other_words_are_not():
    events = asyncio.run(converse(LocalSettings(keyphrases=("amiable himself", "living room")), pcm("austen-0930.wav")))
    assert finals(events) == ["amiable himself"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (LocalSettings(keyphrases=("open blorp",)), "does not know the keyphrase words blorp"),
        (LocalSettings(grammar=Path("/nonexistent/g.jsgf")), "The grammar /nonexistent/g.jsgf cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_words(settings, told):
    closed = asyncio.run(converse(settings, b""))[-1]
    assert isinstance(closed, Closed)
    assert closed.verdict is Verdict.REFUSED
    assert told in closed.reason


def test_a_file_that_is_no_grammar_is_refused_in_words(tmp_path):
    grammar = tmp_path / "g.jsgf"
    grammar.write_text("turn on the light")
    closed = asyncio.run(converse(LocalSettings(grammar=grammar), b""))[-1]
    assert isinstance(closed, Closed)
    assert closed.verdict is Verdict.REFUSED
    assert "is not a JSGF grammar" in closed.reason


def test_a_child_that_is_killed_is_told_by_its_status():
    async def kill() -> tuple[int | None, str]:
        request = ProcessRequest((sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"))
        async with asyncio.timeout(DEADLINE_SECONDS), connect(request) as wire:
            os.kill(int(await wire.receive() or ""), signal.SIGKILL)
            assert await wire.receive() is None
            with pytest.raises(TryAgain):
                await fill(wire)
            return wire.close_code, wire.close_reason

    assert asyncio.run(kill()) == (-signal.SIGKILL, "The recogniser's process ended with status -9.")


def test_a_child_that_does_not_take_its_leave_is_killed():
    async def leave() -> int:
        program = "import os, time; print(os.getpid(), flush=True)\nwhile True: time.sleep(9)"
        async with AsyncExitStack() as stack:
            wire = await stack.enter_async_context(connect(ProcessRequest((sys.executable, "-c", program))))
            return int(await wire.receive() or "")

    pid = asyncio.run(leave())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_hangs_is_killed_even_if_whoever_waits_for_it_is_cancelled():
    async def leave() -> int:
        program = "import os, time; print(os.getpid(), flush=True)\nwhile True: time.sleep(9)"
        pids: list[int] = []

        async def listen() -> None:
            async with connect(ProcessRequest((sys.executable, "-c", program))) as wire:
                pids.append(int(await wire.receive() or ""))
                await fill(wire)

        listening = asyncio.create_task(listen())
        await until(lambda: pids)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        return pids[0]

    pid = asyncio.run(leave())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_could_not_be_written_to_a_dead_child_is_no_complaint_of_the_loop():
    complaints: list[dict] = []

    async def kill() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        request = ProcessRequest((sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"))
        async with asyncio.timeout(DEADLINE_SECONDS), connect(request) as wire:
            pid = int(await wire.receive() or "")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(fill(wire), 0.2)
            os.kill(pid, signal.SIGKILL)
            await wire.receive()
        await asyncio.sleep(0)

    asyncio.run(kill())
    gc.collect()
    assert complaints == []


def test_a_line_without_end_is_refused_and_not_kept():
    async def flood() -> str:
        program = "import sys; sys.stdout.write('x' * 3_000_000); sys.stdout.flush(); sys.stdin.read()"
        async with asyncio.timeout(DEADLINE_SECONDS), connect(ProcessRequest((sys.executable, "-c", program))) as wire:
            assert await wire.receive() is None
            return wire.close_reason

    assert "a line of more than 1048576 bytes" in asyncio.run(flood())


def test_a_program_that_is_not_there_is_refused():
    async def start() -> None:
        async with connect(ProcessRequest(("/nonexistent/recogniser",))):
            pass

    with pytest.raises(Refused, match="The recogniser /nonexistent/recogniser cannot be started: No such file"):
        asyncio.run(start())
