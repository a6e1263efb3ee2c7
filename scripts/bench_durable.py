"""The measurement behind scripts/bench --durable: what it costs that nothing is lost, and how soon all is well again.

One run, and all of it at the pace of real microphones:

* *Cost*: eight daemons at once, in good weather, while nobody speaks and with a final every five seconds; with the
  provider away (what is owed goes to segment files); and with the broker away (finals stay in the state file): each
  with both settings of ``durability``. Beside them, in the same minute, the official client, sending. The outages begin
  so long before that sound leaves memory when it counts.
* *Live again*: meanwhile, one more daemon's microphones are cut, over and over (see `cutting`).
* *Backfill*: one more daemon has no provider for all that time, and gets it back (see `owing`).
"""

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent
sys.path[:0] = [str(SCRIPTS.parent), str(SCRIPTS), str(SCRIPTS / "lib")]

from calls import Provider  # noqa: E402
from cutting import Kind, Return, Victim, cut_many_times  # noqa: E402
from durable_verdict import Backfill, Cost, Felt, Found  # noqa: E402
from houses import House, Inhabited, Snapshot, fed, inhabited, official_client  # noqa: E402
from measure import file_system, percentile, span  # noqa: E402
from owing import watch  # noqa: E402
from programs import deaf_to_ctrl_c  # noqa: E402
from trial import BenchError  # noqa: E402

from edgetx.config import Secret  # noqa: E402
from edgetx.provider_settings import AssemblyAISettings  # noqa: E402
from edgetx.speech import registry  # noqa: E402
from tests.rigs.broker import Broker  # noqa: E402
from tests.rigs.passage import Passage  # noqa: E402

SEED = 1
WARM_SECONDS = 6.0
HOUR_SECONDS = 3600
MEGABYTE = 1_000_000
OWING, CALM = "owing", "good_crash"
MEMORY_OF_OWING = 30
WEATHERS = ("quiet", "good", "no_provider", "no_broker")
DURABILITIES = ("crash", "power")


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds``: of the minute that counts; ``memory_seconds``: of those that pay; ``cutting_seconds``: how long cuts
    are begun; ``victims``: how many microphones of each kind.
    """

    seconds: float
    memory_seconds: int
    cutting_seconds: float
    victims: dict[Kind, int]

    @property
    def outage_seconds(self) -> float:
        """How long before it counts the outages begin: until sound leaves memory, and a little more."""
        return self.memory_seconds * 2 / 3 + 7


FULL = Plan(60, 60, 30, {Kind.RESET: 24, Kind.AWAY: 32})
QUICK = Plan(10, 15, 3, {Kind.RESET: 3, Kind.AWAY: 3})


@dataclass(slots=True)
class Scene:
    """All that runs: the daemons by name, the official client, and the ways to the provider and the broker.

    ``cutting``: what the victims need, and nobody else.
    """

    provider: Provider
    daemons: dict[str, Inhabited]
    official: Inhabited
    victims: list[Victim]
    cutting: ExitStack
    away: Sequence[Passage]
    to_owing: Passage

    def begin_outages(self) -> None:
        for passage in (*self.away, self.to_owing):
            passage.close()

    def payers(self) -> dict[str, Inhabited]:
        paying = {name: self.daemons[name] for name in (f"{w}_{d}" for w in WEATHERS for d in DURABILITIES)}
        return paying | {"official": self.official}


def measure(plan: Plan, python: Path, say: Callable[[str], None]) -> Found:
    """Return what was found. Raise BenchError when it could not be measured."""
    disk = real_disk()
    with tempfile.TemporaryDirectory(prefix="edgetx-bench-", dir=disk) as name, ExitStack() as stack:
        scene = set_up(stack, Path(name), plan, python)
        time.sleep(WARM_SECONDS)
        scene.begin_outages()
        began = time.monotonic()
        count = ", ".join(f"{number} microphones: {kind}" for kind, number in plan.victims.items())
        say(f"connections are cut ({count}), {plan.cutting_seconds:g} s and until all are live again")
        returns = list(cut_many_times(scene.victims, seconds=plan.cutting_seconds))
        scene.cutting.close()
        time.sleep(max(0.0, began + plan.outage_seconds - time.monotonic()))
        say(f"what is written counts, and what is owed is delivered, {plan.seconds:g} s")
        outage = time.monotonic() - began
        costs, backfill = pay_and_deliver(plan, scene)
        return Found(
            costs=costs,
            felt=[felt(kind, returns) for kind in Kind],
            backfill=backfill,
            outage_seconds=outage,
            allowed_speed=allowed_speed(),
            disk=file_system(disk),
        )


def set_up(stack: ExitStack, folder: Path, plan: Plan, python: Path) -> Scene:
    """Start everything, with sound in all microphones."""
    with deaf_to_ctrl_c():
        broker = stack.enter_context(Broker())
    provider = stack.enter_context(Provider())
    silent = stack.enter_context(Provider(speech=False))
    no_provider, to_owing = (stack.enter_context(Passage(provider.port)) for _ in range(2))
    no_broker = stack.enter_context(Passage(broker.port))
    urls = {"quiet": silent.url, "good": provider.url, "no_provider": address(no_provider), "no_broker": provider.url}
    brokers = {"no_broker": f"mqtt://127.0.0.1:{no_broker.port}"}
    houses = [
        House(f"{w}_{d}", {f"{w}_{d}": urls[w]}, brokers.get(w, broker.url), plan.memory_seconds, d)
        for w in WEATHERS
        for d in DURABILITIES
    ]
    houses.append(House(OWING, {OWING: address(to_owing)}, broker.url, MEMORY_OF_OWING))
    daemons = {house.name: stack.enter_context(inhabited(folder, house)) for house in houses}
    official = stack.enter_context(official_client(folder, python, provider.url))
    provider.paces.update(stack.enter_context(fed(folder, "payers", [*daemons.values(), official])))
    cutting = stack.enter_context(ExitStack())
    victims = set_up_victims(cutting, folder, plan, provider, broker_url=broker.url)
    return Scene(provider, daemons, official, victims, cutting, (no_provider, no_broker), to_owing)


def set_up_victims(stack: ExitStack, folder: Path, plan: Plan, provider: Provider, *, broker_url: str) -> list[Victim]:
    """Start the daemon whose microphones are to be cut, with sound in all of them."""
    kinds = [kind for kind, number in plan.victims.items() for _ in range(number)]
    ways = {f"cut{index}": stack.enter_context(Passage(provider.port)) for index in range(len(kinds))}
    house = House("cut", {name: address(way) for name, way in ways.items()}, broker_url, MEMORY_OF_OWING)
    daemon = stack.enter_context(inhabited(folder, house))
    provider.paces.update(stack.enter_context(fed(folder, "victims", [daemon])))
    chance = random.Random(SEED)
    due, first_cuts = time.monotonic() + WARM_SECONDS, min(5.0, plan.cutting_seconds / 2)
    return [
        Victim(name, kind, way, provider, random.Random(chance.random()), due + chance.uniform(0, first_cuts))
        for kind, (name, way) in zip(kinds, ways.items(), strict=True)
    ]


def pay_and_deliver(plan: Plan, scene: Scene) -> tuple[list[Cost], Backfill]:
    """Let what is owed be delivered while the minute runs that counts."""
    payers = scene.payers()
    calls = len(scene.provider.calls(OWING))
    after: dict[str, Snapshot] = {}
    last_look = threading.Timer(plan.seconds, lambda: after.update(snapshots(payers)))
    last_look.daemon = True
    before = snapshots(payers)
    last_look.start()
    scene.to_owing.open()
    backfill = watch(scene.provider, OWING, scene.daemons[OWING], scene.daemons[CALM], calls_before=calls)
    last_look.join()
    if not after:
        raise BenchError("A client ended while it was measured.")
    return [cost(name, payer.pid, before[name], after[name]) for name, payer in payers.items()], backfill


def snapshots(of: dict[str, Inhabited]) -> dict[str, Snapshot]:
    return {name: client.snapshot() for name, client in of.items()}


def cost(name: str, pid: int, before: Snapshot, after: Snapshot) -> Cost:
    used = span(pid, before.usage, after.usage)
    megabytes = (after.written - before.written) / MEGABYTE
    return Cost(name, used.cpu_seconds_per_hour, megabytes * HOUR_SECONDS / used.seconds)


def felt(kind: Kind, returns: Sequence[Return]) -> Felt:
    """Return how the cuts of a kind were felt, at p50 and p99."""
    mine = [each for each in returns if each.kind is kind]
    if not mine:
        raise BenchError(f"No microphone was cut in this way: {kind}.")

    def both(values: list[float]) -> tuple[float, float]:
        return percentile(values, 0.5), percentile(values, 0.99)

    return Felt(
        key=kind.value,
        count=len(mine),
        live=both([each.live for each in mine]),
        live_since_taken=both([each.live_since_taken for each in mine]),
        sound_since_taken=both([each.sound_since_taken for each in mine]),
    )


def notes(plan: Plan, found: Found, about: dict[str, Any]) -> list[str]:
    return [
        f"16 kHz mono, 100 ms a chunk, all at once, {plan.seconds:g} s, on {found.disk}.",
        "disk: what the kernel has to write for the daemon (pages), without the file",
        "system's journal; 32 GB after: then a card of 32 GB has been written once.",
        f"live: what is owed goes first, {found.allowed_speed:g} s of it a second, after 2 s at once.",
        f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']}",
    ]


def address(way: Passage) -> str:
    return f"ws://127.0.0.1:{way.port}/v3/ws"


def allowed_speed() -> float:
    settings = AssemblyAISettings(Secret("text", "none"))
    return registry.provider("bench", settings, api_key="none").limits.replay_rate


def real_disk() -> Path:
    """Return where temporary files are on a disk: what is written to memory says nothing."""
    for folder in (Path(tempfile.gettempdir()), Path("/var/tmp")):
        if folder.is_dir() and file_system(folder) not in ("tmpfs", "ramfs"):
            return folder
    raise BenchError("Neither $TMPDIR nor /var/tmp is on a disk: say where one is, with TMPDIR=FOLDER.")
