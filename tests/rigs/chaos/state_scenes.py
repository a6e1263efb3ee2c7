"""The daemon itself killed, its disk full or read-only, its database or its kept sound damaged."""

import random
import sys
from functools import partial
from pathlib import Path

from tests.rigs.chaos import reboot
from tests.rigs.chaos.judge import Evidence
from tests.rigs.chaos.mounts import fill, tmpfs
from tests.rigs.chaos.play import Play
from tests.rigs.chaos.reboot import synchronised_clock
from tests.rigs.chaos.theatre import Theatre

FOUND_AGAIN_SECONDS = 0.5
"""How far the numbers may be off after a restart: the device delivers its first sound late."""
ADDED_SECONDS = 0.02
"""By each restart of many, on a busy machine: gaps grow by it, and the numbers with them; the times stay right."""
SMALL = "size=600k"
ROOM_FOR_SOUND, OUTAGE_SECONDS = "size=6m", 240
GROWN_MEBIBYTES = 12
FORGOTTEN_SECONDS = 8.0
"""No longer: of what was said while the daemon was away nobody will tell."""
DAMAGED_BYTES = 4096


def killed(theatre: Theatre, *, times: int, broker_away: bool = False) -> Evidence:
    """It is killed at random moments, and comes back; the broker may be away at each."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    for _ in range(times):
        if broker_away and chance.random() < 0.7:
            theatre.to_broker.close()
        _wait(theatre, chance.uniform(0.5, 5))
        theatre.kill_daemon()
        _wait(theatre, chance.uniform(0.2, 1.5))
        theatre.restart_daemon()
        _until_running(theatre)
        _wait(theatre, chance.uniform(0.0, 1.0))
        if not theatre.to_broker.is_open:
            theatre.to_broker.open()
    theatre.heard()
    place_seconds = FOUND_AGAIN_SECONDS + times * ADDED_SECONDS
    evidence = theatre.end(may_lose=True, may_repeat=True, place_seconds=place_seconds, settle_seconds=60)
    _expect_restarts(theatre, times)
    return evidence


def full(theatre: Theatre) -> Evidence:
    """The disk is full for a while; then there is room again, and what was kept is found after a kill."""
    with tmpfs(theatre.folder / "state", SMALL):
        theatre.raise_curtain()
        theatre.heard()
        filler = theatre.folder / "state/filler"
        fill(filler)
        theatre.to_broker.close()
        theatre.speak(15)
        filler.unlink()
        theatre.speak(35)
        theatre.kill_daemon()
        theatre.restart_daemon()
        _until_running(theatre)
        theatre.to_broker.open()
        theatre.heard()
        evidence = theatre.end(may_lose=True, may_repeat=True, place_seconds=FOUND_AGAIN_SECONDS, settle_seconds=60)
        _expect_restarts(theatre, 1)
        _expect_word(theatre, "memory")
        return evidence


def read_only(theatre: Theatre) -> Evidence:
    """The state directory cannot be written from before the start: all goes on in memory, and that is said."""
    with tmpfs(theatre.folder / "state", SMALL, "ro"):
        theatre.raise_curtain()
        theatre.heard()
        evidence = theatre.end()
        _expect_word(theatre, "memory")
        return evidence


def corrupt(theatre: Theatre) -> Evidence:
    """The database is full of something else when the daemon starts again: a fresh one is begun, and that is said."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    theatre.speaker.nobody_listens()
    theatre.stop_daemon()
    stopped = theatre.speaker.written
    for file in (theatre.folder / "state").glob("state.db*"):
        _damage(file, chance)
    theatre.restart_daemon()
    _until_running(theatre)
    heard = theatre.speaker.written + 1
    theatre.heard()
    evidence = theatre.end(forgotten=True, may_repeat=True, settle_seconds=FORGOTTEN_SECONDS)
    if not list((theatre.folder / "state").glob("state.db.damaged-*")):
        theatre.faults.append("the damaged database was not set aside")
    return theatre.unheard(evidence, stopped - 1, heard)


def damaged_sound(theatre: Theatre) -> Evidence:
    """Sound waits on disk when the daemon is killed, and one file of it is damaged: only that is lost, and is told."""
    chance = random.Random(theatre.seed)
    theatre.raise_curtain()
    theatre.heard()
    theatre.to_provider.close()
    theatre.speak(40)
    theatre.kill_daemon()
    segments = [path for path in (theatre.folder / "state").rglob("*") if path.is_file() and _is_sound(path)]
    if segments:
        _damage(chance.choice(sorted(segments)), chance)
    else:
        theatre.faults.append("no sound was on disk")
    theatre.restart_daemon()
    _until_running(theatre)
    theatre.to_provider.open()
    theatre.heard()
    evidence = theatre.end(may_lose=True, may_repeat=True, place_seconds=FOUND_AGAIN_SECONDS, settle_seconds=120)
    lost = sum(event["seconds"] for event in theatre.events("gap"))
    if segments and lost > 30:
        theatre.faults.append(f"{lost} s were lost, though only one file was damaged")
    return evidence


def full_of_sound(theatre: Theatre) -> Evidence:
    """An outage fills the disk with sound. What found no room is told; the rest comes late, and the disk is free."""
    with tmpfs(theatre.folder / "state", ROOM_FOR_SOUND):
        theatre.raise_curtain()
        theatre.heard()
        before = theatre.mebibytes
        theatre.to_provider.close()
        theatre.speak(OUTAGE_SECONDS)
        grown = theatre.mebibytes - before
        theatre.to_provider.open()
        theatre.heard()
        evidence = theatre.end(may_lose=True, under_way_seconds=0.2, settle_seconds=120)
        _expect_word(theatre, "memory", part="sound of desk")
        lost = sum(event["seconds"] for event in theatre.events("gap"))
        if not 0 < lost < OUTAGE_SECONDS / 2:
            theatre.faults.append(f"{lost} s were lost, where the disk had room for half a minute less than all")
        if causes := {event["cause"] for event in theatre.events("gap")} - {"overflow"}:
            theatre.faults.append(f"sound was lost by {', '.join(causes)}")
        if grown > GROWN_MEBIBYTES:
            theatre.faults.append(f"memory grew by {grown:.1f} MiB while the disk was full")
        if left := [path.name for path in (theatre.folder / "state").rglob("*.pcm")]:
            theatre.faults.append(f"{len(left)} files of settled sound were left on disk")
        return evidence


def rebooted(theatre: Theatre) -> Evidence:
    """The machine is started anew, and knows the time: what was owed is delivered, and the numbers go on."""
    theatre.environment["LD_PRELOAD"] = str(synchronised_clock(theatre.folder))
    boot_id = theatre.folder / "boot-id"
    boot_id.write_text("11111111-2222-3333-4444-555555555555\n")
    theatre.raise_curtain()
    theatre.heard()
    theatre.to_broker.close()
    theatre.speak(12)
    theatre.kill_daemon()
    theatre.launcher = (sys.executable, reboot.__file__, str(boot_id))
    theatre.restart_daemon()
    _until_running(theatre)
    theatre.to_broker.open()
    theatre.heard()
    evidence = theatre.end(may_lose=True, may_repeat=True, place_seconds=FOUND_AGAIN_SECONDS, settle_seconds=60)
    _expect_restarts(theatre, 1)
    return evidence


def _wait(theatre: Theatre, seconds: float) -> None:
    """Wait, whatever the daemon does."""
    theatre.speaker.wait(seconds)


def _until_running(theatre: Theatre) -> None:
    theatre.until(lambda: "desk: running" in theatre.daemon.log, what="sound after a restart")


def _expect_restarts(theatre: Theatre, times: int) -> None:
    told = {event["id"] for event in theatre.events("gap") if event["cause"] == "restart"}
    if len(told) < times:
        theatre.faults.append(f"{times} restarts, and {len(told)} gaps of that cause")


def _expect_word(theatre: Theatre, status: str, *, part: str = "file") -> None:
    if f"state {part}: {status}" not in theatre.log():
        theatre.faults.append(f"it was never said that the {part} is kept in {status}")


def _is_sound(path: Path) -> bool:
    return "state.db" not in path.name and path.stat().st_size > DAMAGED_BYTES


def _damage(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for at in [0, *(chance.randrange(max(1, len(data))) for _ in range(DAMAGED_BYTES))]:
        data[at : at + 1] = bytes([chance.randrange(256)])
    path.write_bytes(data)


SPOOL = {"keep": {"memory_seconds": 10}}
SOUND = {"keep": {"memory_seconds": 30}}

PLAYS = (
    Play("kill", 4, "killed twice", partial(killed, times=2)),
    Play("kill-offline", 4, "killed twice, the broker away", partial(killed, times=2, broker_away=True), short=True),
    Play("50-kills", 4, "killed at 50 moments", partial(killed, times=50, broker_away=True)),
    Play("reboot", 4, "killed, and the machine started anew", rebooted, mounts=True),
    Play("disk-full", 5, "disk full for 15 s, then a kill", full, mounts=True),
    Play("sound-full", 5, "disk full of sound in an outage", full_of_sound, speed=10, mounts=True, settings=SOUND),
    Play("read-only", 5, "state directory read-only", read_only, mounts=True, short=True),
    Play("corrupt-database", 5, "database damaged", corrupt, short=True),
    Play("damaged-sound", 5, "sound on disk damaged", damaged_sound, settings=SPOOL),
)
