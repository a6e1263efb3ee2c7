"""One microphone from end to end: its capture thread, its transcriber, and what is told about the two.

Capture has a thread of its own (`supervisor.DaemonThreads` gives it one, and does not wait for it if it is stuck). It
hands everything but sound to the event loop; the sound goes through the log. A bug in either half
ends `Microphone.run` with that error, and with it the daemon: what is unknown is not restarted here.

What capture says of itself is shown, but for one thing: a thread that is stuck inside a driver says nothing. So it is
looked at, and called ``stalled`` while it claims to run and brings nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgetx.audio.capture import Capture
from edgetx.audio.format import RATE, Gap
from edgetx.audio.heard import Bearing, Remark
from edgetx.audio.keeper import Keeper
from edgetx.audio.log import AudioLog
from edgetx.audio.priority import raise_if_allowed
from edgetx.audio.states import FLOWING, TOLD, is_news
from edgetx.health import STALLED_SECONDS, Health, one_line
from edgetx.speech.account import Account
from edgetx.speech.ledger import Fate
from edgetx.speech.transcriber import Transcriber

STOP_CAPTURE_SECONDS = 1.0
RETURN_SECONDS = 0.5
"""How often a stalled capture is looked at."""
STUCK = ("stalled", "The device is open but delivers no sound.")


@dataclass(slots=True)
class MicrophoneState:
    """What the topic `state` shows; every change is published, reported to `Health` and logged once.

    A change of the capture is an event, too. ``publish_fields`` takes the fields of the topic; ``log_line`` a sentence
    for the daemon's own log. ``minutes()``: the fields that tell of a budget, if it has one. ``muted``: somebody wants
    it so; the capture is ``muted`` when the device is closed. All methods belong to the event loop's thread.
    """

    name: str
    log: AudioLog
    account: Account
    health: Health
    publish_fields: Callable[[dict[str, Any]], None]
    log_line: Callable[[str], None]
    muted: bool = False
    minutes: Callable[[], Mapping[str, float]] = dict
    _capture: tuple[str, str] = ("opening", "")
    _stuck: bool = False
    _told: str = "opening"
    _provider: tuple[str, str] = ("connecting", "")
    _overruns: int = 0
    _closed: bool = False

    def begin(self) -> None:
        """Show the state for the first time."""
        for stage, (status, detail) in (("audio", self._shown), ("speech", self._provider)):
            self.health.report(stage, self._part(stage), status=status, detail=detail)
        self.publish()

    def capture_is(self, status: str, detail: str) -> None:
        """Take what capture says of itself."""
        before, self._capture, self._stuck = self._shown, (status, one_line(detail)), False
        self._capture_changed(before)

    def provider_is(self, status: str, detail: str) -> None:
        """Take what the transcriber says of its provider."""
        before, self._provider = self._provider, (status, one_line(detail))
        self._changed("speech", before=before, after=self._provider)

    @property
    def is_refused(self) -> bool:
        """The provider will not have us."""
        return self._provider[0] == "refused"

    def lost(self, gap: Gap) -> None:
        """Take a hole in the sound (16 kHz frames)."""
        if self._closed:
            return
        self._overruns += gap.cause == "overrun"
        self.account.lose(gap)

    def spoke(self, start: int, end: int | None) -> None:
        """Take where speech was found to begin (``end`` is None), or to have been (16 kHz frames)."""
        if not self._closed:
            self.account.spoke(start, end)

    def heard(self, bearings: Iterable[Bearing], remarks: Iterable[Remark]) -> None:
        """Take what an array tells: where talkers were (16 kHz frames), and which of its channels are well."""
        if self._closed:
            return
        self.account.directions.add(bearings)
        for remark in remarks:
            fault = {"fault": remark.fault} if remark.fault else {}
            self.account.happened("channel", channel=remark.channel, detail=remark.text, **fault)
            self.log_line(f"{self.name}: {remark.text}")

    def looked_at(self, now: float) -> float:
        """Look whether a capture that claims to flow brings sound, or brings it again; return when to look again.

        That is when it would be stalled if no more came; a stalled one is looked at more often.
        """
        stalled_at = max(self.log.heard_at, self.health.moved_at(self.name)) + STALLED_SECONDS
        flowing = self._capture[0] in FLOWING
        before, self._stuck = self._shown, flowing and now >= stalled_at
        if self._shown != before:
            self._capture_changed(before)
        if not flowing:
            return float("inf")
        return now + RETURN_SECONDS if self._stuck else stalled_at

    def mute(self, on: bool) -> None:  # noqa: FBT001  (its name says what is on)
        """Show that the microphone is to be muted, or no more."""
        if self.muted != on:
            self.muted = on
            if not self._closed:
                self.publish()

    def close_account(self) -> None:
        """Publish the account for the last time.

        What a capture that hung says afterwards is not heard: another microphone may have its name by then.
        """
        self._capture, self._provider, self._stuck = ("stopped", ""), ("stopped", ""), False
        self.publish()
        self._closed = True

    def leave(self) -> None:
        """Take this microphone out of the health: it is no more, or another has its name."""
        for stage in ("audio", "speech"):
            self.health.forget(stage, self._part(stage))

    def publish(self) -> None:
        """Publish the state as it is now."""
        if self.log.spoken:
            self.account.leave_out_silence(self.log.spoken)
        self.publish_fields(self.fields)

    @property
    def capture(self) -> str:
        """What is shown of the capture."""
        return self._shown[0]

    @property
    def fields(self) -> dict[str, Any]:
        """The state as it is now, as the topic has it."""
        capture, capture_detail = self._shown
        detail = " ".join(text for text in (capture_detail, self._provider[1]) if text)
        settled = self.account.ledger.settled
        captured = self.log.end
        owed = captured - sum(settled.values())
        seconds = {"captured": captured} | {str(fate): settled[fate] for fate in Fate}
        return {
            "capture": capture,
            "provider": self._provider[0],
            "muted": self.muted,
            "backlog_seconds": round(owed / RATE, 3),
            "overruns": self._overruns,
            "ledger": {f"{name}_seconds": round(frames / RATE, 3) for name, frames in seconds.items()},
            "detail": detail or None,
            **self.minutes(),
        }

    def _part(self, stage: str) -> str:
        return self.name if stage == "audio" else f"{self.account.provider} for {self.name}"

    @property
    def _shown(self) -> tuple[str, str]:
        return STUCK if self._stuck else self._capture

    def _capture_changed(self, before: tuple[str, str]) -> None:
        state, detail = self._shown
        self._changed("audio", before=before, after=self._shown)
        if not self._closed and is_news(self._told, state):
            self.account.happened("capture", state=state, before=self._told, **({"detail": detail} if detail else {}))
        if state in TOLD:
            self._told = state

    def _changed(self, stage: str, *, before: tuple[str, str], after: tuple[str, str]) -> None:
        if self._closed:
            return
        status, detail = after
        part = self._part(stage)
        self.health.report(stage, part, status=status, detail=detail)
        if before != after:
            self.publish()
        if before[0] != status:
            self.log_line(f"{part}: {status}{': ' if detail else ''}{detail}")


@dataclass(slots=True)
class Microphone:
    """Runs the two halves. What ``capture`` calls back must be fit for its thread."""

    name: str
    capture: Capture
    log: AudioLog
    transcriber: Transcriber
    state: MicrophoneState
    keeper: Keeper
    _capturing: "asyncio.Future[None] | None" = None
    _inside: bool = False
    _transcribing: "asyncio.Task[None] | None" = None

    async def run(self) -> None:
        """Capture and transcribe until stopped, or until a recording has been transcribed to its end."""
        self.keeper.begin()
        self.state.begin()
        loop = asyncio.get_running_loop()
        self._capturing = loop.run_in_executor(None, self._capture_to_the_end)
        self._transcribing = transcribing = asyncio.create_task(self.transcriber.run())
        keeping = asyncio.create_task(self.keeper.run())
        tasks: list[asyncio.Future[None]] = [transcribing, self._capturing, keeping]
        try:
            while not transcribing.done():
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                tasks = [task for task in tasks if task not in done]
                for task in done:
                    task.result()
        finally:
            for task in (transcribing, self._capturing, keeping):
                task.cancel()
            await asyncio.gather(transcribing, self._capturing, keeping, return_exceptions=True)
            await self.keeper.stop()
            self.state.close_account()

    async def stop(self) -> None:
        """Stop capturing; `run` ends when the provider has given its last words."""
        stopping = asyncio.get_running_loop().run_in_executor(None, self.capture.stop)
        waiting = {stopping} if self._capturing is None else {stopping, self._capturing}
        await asyncio.wait(waiting, timeout=STOP_CAPTURE_SECONDS)
        self.log.finish()  # Done already, unless the reader is stuck in a driver; its thread dies with the process.
        self.transcriber.stop_late()  # It may have an hour before it.
        if self._transcribing is not None and self.state.is_refused:
            self._transcribing.cancel()  # The next try would be in a quarter of an hour.
        await self.keeper.secure()

    def mute(self, on: bool) -> None:  # noqa: FBT001  (its name says what is on)
        """Close the device and leave it alone, or take it again; on the event loop. `state` shows when it is closed."""
        self.state.mute(on)
        self.capture.mute(on)

    @property
    def is_stuck(self) -> bool:
        """The capture thread has not come out: it, and the device, stay until the process ends."""
        return self._inside

    def _capture_to_the_end(self) -> None:
        self._inside = True
        try:
            if told := raise_if_allowed():
                self.state.log_line(f"{self.name}: {told}")
            self.capture.run()
        finally:
            self._inside = False
            self.log.finish()
