"""Where a scenario plays: the real daemon between a real ALSA microphone, the provider and a real broker.

The daemon reaches provider and broker through a `Passage` each. Its subscriber sits behind the scenes, at the broker
itself. With ``speed`` the daemon's clocks run so much faster (libfaketime), and the microphone and the provider's
limits with them; the broker's do not.
"""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tests.rigs.assemblyai_scenario import KEY
from tests.rigs.broker import Broker, Received, Subscriber
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.provider import Provider
from tests.rigs.chaos.sound import Speaker
from tests.rigs.daemon import Daemon
from tests.rigs.microphones import FifoMicrophone, fifo_microphone
from tests.rigs.passage import Passage
from tests.rigs.told_seconds import HOP_FRAMES, LAST, RATE, parse

DEVICE, MICROPHONE = "chaos", "desk"
START_SECONDS = 30.0
SETTLE_SECONDS = 30.0
LOOK_SECONDS = 0.02
CAUGHT_UP_SECONDS = 2
WHOLE_SECONDS = (LAST + 1) * HOP_FRAMES / RATE
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class SceneError(Exception):
    """A scenario could not be played; that is neither passed nor lost."""


@dataclass
class Theatre:
    """``with Theatre(folder, seed=1) as theatre``: broker and provider are there; `raise_curtain` starts the daemon."""

    folder: Path
    seed: int
    speed: float = 1.0
    pause_seconds: int = 1
    keep: dict[str, Any] = field(default_factory=lambda: {"memory_seconds": 120})
    microphone_settings: dict[str, Any] = field(default_factory=dict)
    provider_settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    undisturbed: Callable[[], AbstractContextManager[None]] = nullcontext
    """Puts off what would break the play off, while something is started."""
    runs: list[Daemon] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What a scenario itself found wrong, beside the judge."""
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            enter = stack.enter_context
            with self.undisturbed():
                (self.folder / "state").mkdir()
                self.broker = enter(Broker())
                self.subscriber = enter(Subscriber(self.broker))
                self.to_broker = enter(Passage(self.broker.port))
                self.provider = enter(Provider(speed=self.speed))
                self.to_provider = enter(Passage(self.provider.port))
                self.microphone: FifoMicrophone = enter(fifo_microphone(self.folder))
                self.speaker = Speaker(self.microphone, self.seed, self.speed, self.pause_seconds)
                stack.callback(self.speaker.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- the daemon ------------------------------------------------------------------------------------------------

    @property
    def daemon(self) -> Daemon:
        """The one that runs, or ran last."""
        return self.runs[-1]

    @property
    def mebibytes(self) -> float:
        """The daemon's resident memory."""
        status = Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def start_daemon(self) -> None:
        """Start it (anew: over the same state directory); it need not be ready."""
        home = self.folder / f"run-{len(self.runs)}"
        home.mkdir()
        environment = self.microphone.environment | {"CHAOS_KEY": KEY, "STATE_DIRECTORY": str(self.folder / "state")}
        environment |= {"OPENBLAS_NUM_THREADS": "1"} | self._clock() | self.environment
        daemon = Daemon(home, self._settings(), environment, launcher=self.launcher)
        with self.undisturbed():
            self.runs.append(self._stack.enter_context(daemon))

    def kill_daemon(self) -> None:
        """End it at once (SIGKILL)."""
        self.speaker.nobody_listens()
        self.daemon.process.kill()
        self.daemon.process.wait()

    def restart_daemon(self) -> None:
        """Start it after `kill_daemon`, and let it hear."""
        self.speaker.nothing_waits()
        self.start_daemon()
        self.until(self._is_microphone_open, what="the opening of the microphone")
        self.speaker.somebody_listens()

    def _is_microphone_open(self) -> bool:
        with suppress(FileNotFoundError):  # One that was closed while we looked.
            files = Path(f"/proc/{self.daemon.process.pid}/fd").iterdir()
            return any(file.readlink() == self.microphone.fifo for file in files)
        return False

    def raise_curtain(self) -> None:
        """Start the daemon and begin to speak."""
        self.start_daemon()
        self.until(lambda: '"capture"' in json.dumps(self.state) or "desk: " in self.daemon.log, what="its start")
        self.speaker.start()

    def stop_in_mid_speech(self, **rules: Any) -> Evidence:
        """Stop the daemon while somebody speaks; return what there is to judge."""
        self.stop_daemon()
        self.speaker.stop()
        self.subscriber.wait_for(_is_stopped, SETTLE_SECONDS)
        captured = self.state.get("ledger", {}).get("captured_seconds", 0.0)
        unfinished = frozenset(number for number in self.speaker.said if number + WHOLE_SECONDS > captured)
        evidence = self.evidence(**rules)
        heard = {number: at for number, at in evidence.spoken.items() if number not in unfinished}
        return replace(evidence, spoken=heard, unfinished=unfinished)

    def stop_daemon(self) -> None:
        """Stop it as systemd does; raise SceneError if it does not end well."""
        try:
            code = self.daemon.stop()
        except subprocess.TimeoutExpired:
            raise SceneError(f"The daemon does not end:\n{self.daemon.log[-2000:]}") from None
        if code:
            raise SceneError(f"The daemon ended with {code}:\n{self.daemon.log[-2000:]}")

    def _clock(self) -> dict[str, str]:
        if self.speed == 1.0:
            return {}
        if not FAKETIME:
            raise SceneError("Simulated time needs Debian's package libfaketime.")
        return {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": f"+0 x{self.speed:g}"}

    def _settings(self) -> dict[str, Any]:
        provider = {
            "type": "assemblyai",
            "api_key": {"env": "CHAOS_KEY"},
            "url": f"ws://127.0.0.1:{self.to_provider.port}/v3/ws",
            "format_turns": True,
            "session_heartbeat": True,
            "sessions_per_minute": 100,
        }
        desk = {"name": MICROPHONE, "source": {"alsa": "fifo"}, "provider": "aai", "keep": self.keep}
        return {
            "device": DEVICE,
            "mqtt": {"url": f"mqtt://127.0.0.1:{self.to_broker.port}"},
            "providers": {"aai": provider | self.provider_settings},
            "microphones": [desk | self.microphone_settings],
        }

    # --- time ------------------------------------------------------------------------------------------------------

    def until(self, happened: Callable[[], object], *, seconds: float = START_SECONDS, what: str) -> None:
        """Wait; raise SceneError, with the daemon's log, when it does not happen."""
        if not self.happens(happened, seconds=seconds):
            raise SceneError(f"{what} did not come within {seconds:g} s:\n{self.daemon.log[-2000:]}")

    def happens(self, happened: Callable[[], object], *, seconds: float) -> bool:
        """Wait; return whether it happened. A daemon that ends meanwhile is no scene."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                return False
            if self.runs and self.daemon.process.returncode is None and self.daemon.process.poll() is not None:
                raise SceneError(f"The daemon ended by itself:\n{self.daemon.log[-2000:]}")
            time.sleep(LOOK_SECONDS)
        return True

    def speak(self, seconds: float) -> None:
        """Let so many (simulated) seconds of sound go by."""
        until = self.speaker.written + seconds
        needed = 2 * seconds / self.speed + START_SECONDS
        self.until(lambda: self.speaker.written >= until, seconds=needed, what=f"{seconds:g} s of sound")

    def heard(self, seconds: float = 3) -> None:
        """Wait until the broker has a final of what is said ``seconds`` from now."""
        wanted = self.speaker.written + seconds
        self.until(
            lambda: any(number >= wanted for number in self._numbers()), seconds=SETTLE_SECONDS, what="a new final"
        )

    # --- the far end -----------------------------------------------------------------------------------------------

    @property
    def messages(self) -> list[tuple[str, Any]]:
        """What the subscriber has, as (topic, JSON or text)."""
        return [(message.topic, _value(message)) for message in self.subscriber.received]

    @property
    def state(self) -> dict[str, Any]:
        """The microphone's state as the broker has it."""
        return next((value for topic, value in reversed(self.messages) if topic.endswith("/desk/state")), {})

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of a name that the subscriber has."""
        return [value for topic, value in self.messages if topic.endswith("/event") and value["event"] == name]

    @property
    def finals(self) -> list[dict[str, Any]]:
        """The finals that the subscriber has, repeats included."""
        return [value for topic, value in self.messages if topic.endswith("/transcript/final")]

    def ahead(self, final: dict[str, Any]) -> float:
        """Return by how much a final's time is later than its first word was said, seconds."""
        number, hop, _ = parse(final["words"][0]["text"])[0]
        return datetime.fromisoformat(final["start"]).timestamp() - self.speaker.said[number] - hop * HOP_FRAMES / RATE

    @property
    def lag(self) -> float:
        """How far the newest final is behind what is being said, in seconds of sound."""
        return self.speaker.written - max(self._numbers(), default=0)

    def _numbers(self) -> set[int]:
        return {heard[0] for final in self.finals for word in final.get("words", ()) for heard in parse(word["text"])}

    def _settled(self) -> bool:
        """Everything spoken is in a final, or in a reported gap, and no session is at work but a live one."""
        closed = {event["session"] for event in self.events("session_closed")}
        opened = [event for event in self.events("session_opened") if event["session"] not in closed]
        if not opened or any(event.get("late") for event in opened):  # Without one, the last silence stays owed.
            return False
        gaps = [event["frames"] for event in self.events("gap")]
        missing = set(self.speaker.said) - self._numbers()
        return all(any(a <= 16_000 * (n + 1) and 16_000 * n < b for a, b in gaps) for n in missing)

    # --- the end ---------------------------------------------------------------------------------------------------

    def end(self, *, settle_seconds: float = SETTLE_SECONDS, **rules: Any) -> Evidence:
        """Let the last words come, stop the daemon, and return what there is to judge. ``rules``: of `Evidence`."""
        self.happens(lambda: self.lag <= CAUGHT_UP_SECONDS + self.speed / 10, seconds=settle_seconds)
        self.speaker.be_quiet()
        self.speak(max(3, self.speed))
        self.happens(self._settled, seconds=settle_seconds)
        self.stop_daemon()
        self.subscriber.wait_for(_is_stopped, SETTLE_SECONDS)
        return self.evidence(**rules)

    def evidence(self, **rules: Any) -> Evidence:
        """Return what the far ends have by now."""
        sessions = {event.get("provider_id"): event["session"] for event in self.events("session_opened")}
        finals = self.provider.ask(self.provider.finals)
        known = {f"{sessions.get(f.provider_id, f.provider_id)}-{f.turn}" for f in finals if f.sure}
        evidence = Evidence(
            spoken={number: at * self.speed for number, at in self.speaker.said.items()},
            messages=tuple(self.messages),
            known=frozenset(known),
            same_clock=self.speed == 1.0,
        )
        return replace(evidence, **rules)

    def unheard(self, evidence: Evidence, first: float, last: float) -> Evidence:
        """Return ``evidence`` without what was said from second ``first`` to ``last``, when nobody listened."""
        excused = frozenset(number for number in evidence.spoken if first <= number <= last)
        heard = {number: at for number, at in evidence.spoken.items() if number not in excused}
        return replace(evidence, spoken=heard, unfinished=evidence.unfinished | excused)

    def log(self) -> str:
        """What all runs of the daemon wrote."""
        return "".join(run.log for run in self.runs)


def _is_stopped(messages: Sequence[Received]) -> bool:
    words = [message.payload for message in messages if message.topic.endswith("/availability")]
    return bool(words) and words[-1] == b"stopped"


def _value(message: Received) -> Any:
    try:
        return json.loads(message.payload)
    except ValueError:
        return message.payload.decode(errors="replace")
