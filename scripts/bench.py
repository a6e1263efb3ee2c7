"""The measurement behind scripts/bench: the whole daemon beside the official client's sending alone.

What is compared, and how (docstrings of the modules beside this one say the rest):

* Both send the same sound of the same microphone (a FIFO each, written by one pacer) to the same provider, at once.
* *Latency* of a chunk: from the write of its last sample into the FIFO to the moment in which its bytes have left the
  client's socket, as the kernel stamps it (see `stamping`). The period's number in the sound says which write and
  which arrival belong together.
* *CPU* and *wake-ups*: of the process, all threads, between two moments; *memory* after it.
* *Start*: from the start of the process to the arrival of the first chunk, with sound waiting; the median of several.
* *Final to broker*: from the provider's sending to the arrival at a subscriber, so broker and subscriber are in it.

``--durable`` and ``--gate`` measure something else instead: see `bench_durable` and `bench_gate`.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "scripts"), str(CHECKOUT / "scripts/lib")]

import bench_durable  # noqa: E402
import bench_gate  # noqa: E402
import durable_verdict  # noqa: E402
import gate_verdict  # noqa: E402
from ending import end_in_order  # noqa: E402
from measure import machine, percentile  # noqa: E402
from trial import BenchError, Listener, Start, Trial, Used, as_in_production, surroundings  # noqa: E402
from verdict import Figure, Share, as_json, table  # noqa: E402

from tests.rigs.oracle_venv import python_with  # noqa: E402

CLIENTS = ("edgetx", "official")
"""As the pacer serves them."""
OFFICIAL = "assemblyai==1.8.2"
FINALS_TOPIC = "edgetx/bench/desk/transcript/final"
MILLISECONDS = 1000
SECONDS = 60
AIMS = {"cpu": 1.0, "memory": 1.0, "latency_p50": 0.65, "latency_p99": 0.7, "wakeups": 25, "first_chunk": 0.8}


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often."""

    starts: int
    seconds: float
    stage_seconds: float


@dataclass(frozen=True, slots=True)
class Results:
    """What one run of the bench gave; latencies in seconds."""

    starts: dict[str, list[Start]]
    used: dict[str, Used]
    latencies: dict[str, list[float]]
    finals: list[float]
    stages: dict[str, float]


def measure(plan: Plan, python: Path, folder: Path) -> Results:
    with ExitStack() as stack:
        trial = stack.enter_context(surroundings(folder, python, starts=2 * (plan.starts + 1)))
        say(f"{plan.starts} starts of each client")
        starts = trial.starts(plan.starts)
        say(f"both clients together, {plan.seconds:g} s")
        listener = stack.enter_context(Listener(trial.broker.port, FINALS_TOPIC))
        used, periods, window = trial.together(plan.seconds)
        say(f"the daemon's stages alone, {plan.stage_seconds:g} s")
        stages = cost_of_stages(trial, plan.stage_seconds)
        trial.provider.stop()
        record = json.loads((folder / "provider.json").read_text())
        latencies = {
            name: list(chunk_latencies(longest(record["arrivals"], name, "periods"), times, window))
            for name, times in zip(CLIENTS, periods, strict=True)
        }
        finals = list(final_latencies(longest(record["finals"], "edgetx", "sent"), listener.heard, window))
        return Results(starts, used, latencies, finals, stages)


def cost_of_stages(trial: Trial, seconds: float) -> dict[str, float]:
    """Return CPU seconds an hour of each stage, alone in its process, all at the pace of a microphone."""
    addresses = {"speech": trial.provider_url, "mqtt": trial.broker.url, "health": "-"}
    with ExitStack() as stack:
        running = {n: stack.enter_context(trial.stage(n, seconds, address)) for n, address in addresses.items()}
        return {name: float(program.line(seconds + 30)) for name, program in running.items()}


def longest(connections: list[dict[str, Any]], client: str, what: str) -> list[Any]:
    """Return ``what`` came over the client's connection of the common run: all its others are short."""
    return max((list(each[what]) for each in connections if each["client"] == client), key=len)


def chunk_latencies(arrivals: list[Any], written: list[float], window: tuple[float, float]) -> Iterator[float]:
    """Yield seconds from write to arrival of each period of the window. Raise BenchError when one did not come."""
    arrived = dict(arrivals)
    for number, when in enumerate(written):
        if window[0] <= when <= window[1]:
            if number not in arrived:
                raise BenchError(f"Period {number} did not arrive as a message of its own.")
            yield arrived[number] - when


def final_latencies(sent: list[Any], heard: dict[str, float], window: tuple[float, float]) -> Iterator[float]:
    for text, when in sent:
        if window[0] <= when <= window[1]:
            if text not in heard:
                raise BenchError(f"The final {text!r} did not reach the broker.")
            yield heard[text] - when


def figures(results: Results) -> list[Figure]:
    ours, theirs = results.used["edgetx"], results.used["official"]
    mine, other = results.latencies["edgetx"], results.latencies["official"]
    return [
        Figure(
            "cpu",
            "CPU, an hour of microphone",
            "s",
            ours.span.cpu_seconds_per_hour,
            theirs.span.cpu_seconds_per_hour,
            AIMS["cpu"],
        ),
        Figure("memory", "Resident memory", "MiB", ours.memory.rss, theirs.memory.rss, AIMS["memory"]),
        Figure("memory_share", "  its own share of it (PSS)", "MiB", ours.memory.pss, theirs.memory.pss),
        _latency("latency_p50", "Period to socket, p50", 0.5, mine, other),
        _latency("latency_p99", "Period to socket, p99", 0.99, mine, other),
        Figure(
            "wakeups",
            "Wake-ups a second",
            "",
            ours.span.wakeups_per_second,
            theirs.span.wakeups_per_second,
            AIMS["wakeups"],
            of_theirs=False,
        ),
        Figure("threads", "Threads", "", ours.span.threads, theirs.span.threads),
        Figure("first_chunk", "Start to first chunk", "ms", *_first_chunks(results), AIMS["first_chunk"]),
        Figure("ready", "Start to READY", "ms", _median(s.ready_seconds for s in results.starts["edgetx"])),
        Figure("final_p50", "Final to broker, p50", "ms", percentile(results.finals, 0.5) * MILLISECONDS),
        Figure("final_p99", "Final to broker, p99", "ms", percentile(results.finals, 0.99) * MILLISECONDS),
    ]


def shares(results: Results) -> list[Share]:
    span = results.used["edgetx"].span
    stages = results.stages
    rest = span.main_thread_per_hour - sum(stages.values())
    return [
        Share("audio", "Capture, front end, log", span.other_threads_per_hour, "its thread, in the run above"),
        Share("loop", "Event loop, all of it", span.main_thread_per_hour, "its thread, in the run above"),
        Share("speech", "  session, websocket", stages["speech"], "alone; a final every 5 s"),
        Share("mqtt", "  topics, outbox, publisher", stages["mqtt"], "alone; a final every 5 s"),
        Share("health", "  monitor", stages["health"], "alone; a tick every 1.75 s"),
        Share("rest", "  what the parts alone do not add up to", rest, "the difference"),
    ]


def notes(plan: Plan, about: dict[str, Any]) -> list[str]:
    return [
        f"One 16 kHz mono microphone, 100 ms a chunk, a final every 5 s, {plan.seconds:g} s, medians of",
        f"{plan.starts} starts. edgetx: the whole daemon. official: {OFFICIAL}, sending alone.",
        f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']}",
    ]


def _latency(key: str, title: str, share: float, ours: list[float], theirs: list[float]) -> Figure:
    mine, other = (percentile(values, share) * MILLISECONDS for values in (ours, theirs))
    return Figure(key, title, "ms", mine, other, AIMS[key])


def _first_chunks(results: Results) -> tuple[float, float]:
    ours, theirs = (_median(start.first_chunk_seconds for start in results.starts[name]) for name in CLIENTS)
    return ours, theirs


def _median(seconds: Iterator[float | None]) -> float:
    return statistics.median(each for each in seconds if each is not None) * MILLISECONDS


def say(text: str) -> None:
    print(f"...    {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="See scripts/bench --help.")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--durable", action="store_const", dest="measurement", const=durable)
    instead.add_argument("--gate", action="store_const", dest="measurement", const=gate)
    parser.set_defaults(measurement=usual)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    end_in_order()
    as_in_production()
    try:
        shown, told = given.measurement(given)
    except (BenchError, RuntimeError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    if not given.json:
        print(shown, end="\n\n")
    print(json.dumps(told, ensure_ascii=False))
    return 0


def usual(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Return the table and the JSON object of the daemon beside the official client."""
    plan = Plan(3, 15, 5) if given.quick else Plan(5, given.seconds or SECONDS, 15)
    python = python_with(OFFICIAL, say)
    with tempfile.TemporaryDirectory(prefix="edgetx-bench-") as name:
        results = measure(plan, python, Path(name))
    about = machine()
    run = {"seconds": plan.seconds, "starts": plan.starts, "official": OFFICIAL, "finals_per_second": 0.2}
    told = as_json(figures(results), shares(results), about, run)
    return table(figures(results), shares(results), notes(plan, about)), told


def durable(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Return the table and the JSON object of what it costs that nothing is lost."""
    plan = bench_durable.QUICK if given.quick else replace(bench_durable.FULL, seconds=given.seconds or SECONDS)
    found = bench_durable.measure(plan, python_with(OFFICIAL, say), say)
    about = machine()
    run = {"seconds": plan.seconds, "official": OFFICIAL, "finals_per_second": 0.2}
    shown = durable_verdict.table(found, bench_durable.notes(plan, found, about))
    return shown, durable_verdict.as_json(found, about, run)


def gate(given: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Return the table and the JSON object of what the speech gate costs."""
    plan = bench_gate.plan_of(given.seconds) if given.seconds else bench_gate.FULL
    plan = bench_gate.QUICK if given.quick else plan
    found = bench_gate.measure(plan, say)
    about = machine()
    run = {"windows": plan.windows, "window_seconds": plan.window_seconds}
    return gate_verdict.table(found, bench_gate.notes(plan, about)), gate_verdict.as_json(found, about, run)


if __name__ == "__main__":
    sys.exit(main())
