"""The measurement behind scripts/bench --gate: what it costs in the whole daemon that speech is looked for.

For each sound and each setting of ``gate`` there is a daemon with a microphone of its own, all at once: so what the
machine does meanwhile happens to all, and each differs from the one that has no gate by the gate alone. That one
streams all it hears to the provider; the others do not, and what they save there is in the difference. Nobody
transcribes.

The sounds: a room with nothing but the microphone's own noise; and the same in which somebody reads aloud for six of
thirty seconds. In a daemon a block of sound comes an eighth of a second after the one before, to caches that others
have used since: that costs several times what it costs in a loop.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SCRIPTS = Path(__file__).parent
sys.path[:0] = [str(SCRIPTS.parent), str(SCRIPTS), str(SCRIPTS / "lib")]

from calls import Provider  # noqa: E402
from gate_verdict import GATES, PLUS_MINUS, SOUNDS, Gated, key  # noqa: E402
from houses import House, Inhabited, fed, inhabited  # noqa: E402
from measure import span, usage  # noqa: E402
from programs import deaf_to_ctrl_c  # noqa: E402

from tests.rigs.broker import Broker  # noqa: E402
from tests.rigs.microphones import readings, wav_bytes  # noqa: E402

RATE = 16_000
READING_SECONDS = 6
CYCLE_SECONDS = 30
"""A window lasts as long, so in each as much is spoken."""
CLOSE_AFTER_SECONDS = 10
MEMORY_SECONDS = 120
NOISE_RMS = 10.0
"""In int16's steps: 70 dB below full scale."""
SEED = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """So many windows of so many seconds; ``warm_seconds``: before the first, until each room is known."""

    windows: int
    window_seconds: float
    warm_seconds: float


FULL = Plan(6, CYCLE_SECONDS, 16)
QUICK = Plan(2, 6, 5)


def plan_of(seconds: float) -> Plan:
    """Return the plan that measures for about so long."""
    return Plan(max(2, round(seconds / CYCLE_SECONDS)), FULL.window_seconds, FULL.warm_seconds)


def measure(plan: Plan, say: Callable[[str], None]) -> list[Gated]:
    """Return what each daemon used. Raise BenchError when it could not be measured."""
    with tempfile.TemporaryDirectory(prefix="edgetx-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        with deaf_to_ctrl_c():
            broker = stack.enter_context(Broker())
        provider = stack.enter_context(Provider(speech=False))
        daemons = {
            house.name: stack.enter_context(inhabited(folder, house)) for house in houses(provider.url, broker.url)
        }
        for kind, sound in zip(SOUNDS, sounds(), strict=True):
            for gate in GATES:
                for fifo in daemons[key(kind, gate)].fifos.values():
                    fifo.with_suffix(".raw").write_bytes(sound)
        stack.enter_context(fed(folder, "rooms", list(daemons.values())))
        time.sleep(plan.warm_seconds)
        say(f"{len(daemons)} daemons at once, {plan.windows} times {plan.window_seconds:g} s")
        return used(plan, daemons)


def houses(provider_url: str, broker_url: str) -> Iterator[House]:
    for sound in SOUNDS:
        for gate in GATES:
            name = key(sound, gate)
            yield House(
                name,
                {name: provider_url},
                broker_url,
                MEMORY_SECONDS,
                gate=gate,
                close_after_seconds=CLOSE_AFTER_SECONDS,
            )


def used(plan: Plan, daemons: dict[str, Inhabited]) -> list[Gated]:
    looks = [{name: usage(daemon.pid) for name, daemon in daemons.items()}]
    for _ in range(plan.windows):
        time.sleep(plan.window_seconds)
        looks.append({name: usage(daemon.pid) for name, daemon in daemons.items()})
    windows = list(pairwise(looks))
    return [
        Gated(name, [span(daemon.pid, before[name], after[name]) for before, after in windows])
        for name, daemon in daemons.items()
    ]


def sounds() -> tuple[bytes, bytes]:
    """Return raw sound of the room, and of the room in which somebody reads."""
    rng = np.random.default_rng(SEED)
    said = np.zeros((len(readings()), CYCLE_SECONDS * RATE))
    for cycle, path in zip(said, readings(), strict=True):
        read = np.frombuffer(wav_bytes(path), "<i2")[: READING_SECONDS * RATE]
        cycle[-len(read) :] = read
    room = rng.standard_normal(said.size) * NOISE_RMS
    return raw(room), raw(room + said.ravel())


def raw(sound: npt.NDArray[np.floating]) -> bytes:
    """Return ``sound`` as a device delivers it."""
    return bytes(np.clip(np.rint(sound), -32768, 32767).astype("<i2"))


def notes(plan: Plan, about: dict[str, Any]) -> list[str]:
    return [
        f"16 kHz mono, 100 ms a chunk, all at once, {plan.windows} windows of {plan.window_seconds:g} s.",
        f"{PLUS_MINUS}: the standard error of the difference in the same windows, whose mean it is.",
        f"A session closes {CLOSE_AFTER_SECONDS} s after speech. Nothing is transcribed.",
        f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']}",
    ]
