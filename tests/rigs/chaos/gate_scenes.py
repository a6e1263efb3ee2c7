"""Nobody speaks for most of the time, and is not sent: what is said then is all the more precious."""

import random
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.rigs.chaos import detecting
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.theatre import Theatre

SPEED = 20
PAUSE_SECONDS = 45
"""Longer than a session is kept for while nobody speaks."""
LAUNCHER = sys.executable, str(Path(detecting.__file__))
SETTINGS: dict[str, Any] = {"launcher": LAUNCHER, "pause_seconds": PAUSE_SECONDS}
QUICK: dict[str, Any] = {"launcher": LAUNCHER, "pause_seconds": 4}
SENT_SHARE = 0.4
FOUND_AGAIN_SECONDS = 0.5


def gated(theatre: Theatre, *, gate: str, utterances: int) -> Evidence:
    """Each session comes about late, one is refused for a while and one breaks; most sound is not sent at all."""
    theatre.microphone_settings = {"gate": gate}
    theatre.provider.next(begin_seconds=2 / SPEED)
    theatre.provider.next(cut="after partial")
    theatre.provider.from_now_on(begin_seconds=2 / SPEED)
    theatre.raise_curtain()
    theatre.heard()
    theatre.to_provider.close()
    theatre.speak(PAUSE_SECONDS)
    theatre.to_provider.open()
    for _ in range(utterances):
        theatre.heard()
    evidence = theatre.end(settle_seconds=PAUSE_SECONDS / SPEED)
    _expect_thrift(theatre, gate)
    return evidence


def killed(theatre: Theatre, *, times: int) -> Evidence:
    """The daemon is killed at random moments; not in simulated time, which begins anew with each daemon."""
    chance = random.Random(theatre.seed)
    theatre.microphone_settings = {"gate": "close-when-silent", "close_after_seconds": 2}
    theatre.raise_curtain()
    for _ in range(times):
        theatre.heard()
        theatre.speaker.wait(chance.uniform(0, 6))
        theatre.kill_daemon()
        theatre.restart_daemon()
    theatre.heard()
    return theatre.end(may_lose=True, may_repeat=True, place_seconds=FOUND_AGAIN_SECONDS)


def _expect_thrift(theatre: Theatre, gate: str) -> None:
    closed = theatre.events("session_closed")
    sent = sum(event["audio_seconds"] for event in closed)
    if sent > SENT_SHARE * theatre.speaker.written:
        theatre.faults.append(f"{sent:.0f} s of {theatre.speaker.written} were sent")
    if (gate == "close-when-silent") is not any(event["reason"] == "silence" for event in closed):
        theatre.faults.append("sessions were closed by silence, or not, against the settings")
    closes = gate == "close-when-silent"
    if closes is not any(state.get("detail") == "Nobody speaks." for state in _told(theatre, "/desk/state")):
        theatre.faults.append("the state says that nobody speaks, or not, against the settings")
    resting = [each for each in _told(theatre, "/health") if each["stages"].get("speech", {}).get("status") == "idle"]
    if closes and not any(health["verdict"] == "running" for health in resting):
        theatre.faults.append("while nobody speaks the health is never called good")
    started, stopped = theatre.events("speech_started"), theatre.events("speech_stopped")
    if not 0 <= len(started) - len(stopped) <= 1:
        theatre.faults.append(f"speech began {len(started)} times and ended {len(stopped)} times")


def _told(theatre: Theatre, topic: str) -> list[dict[str, Any]]:
    return [value for name, value in theatre.messages if name.endswith(topic)]


PLAYS = (
    Play(
        "gated",
        2,
        "sessions end while nobody speaks",
        partial(gated, gate="close-when-silent", utterances=2),
        speed=SPEED,
        short=True,
        settings=SETTINGS,
    ),
    Play(
        "gated-open",
        2,
        "only speech is sent",
        partial(gated, gate="send-speech", utterances=4),
        SPEED,
        settings=SETTINGS,
    ),
    Play("gated-killed", 4, "killed, with a gate", partial(killed, times=4), settings=QUICK),
)
