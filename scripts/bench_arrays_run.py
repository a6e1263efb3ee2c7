"""Two processes that work off what there is to do, and say so."""

import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Protocol

WORKERS = 2


class Trial(Protocol):
    """What a process does by itself; it is sent there, and what it returns is sent back."""

    @property
    def title(self) -> str: ...

    def run(self) -> list[Any]: ...


def measured(trials: Sequence[Trial]) -> Iterator[tuple[Trial, list[Any]]]:
    """Yield each trial, as it is done, with what it found."""
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context, initializer=_deaf_to_ctrl_c) as pool:
        try:
            running = {pool.submit(_run, trial): trial for trial in trials}
            for done, each in enumerate(as_completed(running), 1):
                trial = running[each]
                say(f"{done}/{len(trials)} {trial.title} ({time.monotonic() - began:.0f} s)")
                yield trial, each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def say(text: str) -> None:
    print(f"...    {text}", file=sys.stderr, flush=True)


def _run(trial: Trial) -> list[Any]:
    return trial.run()


def _deaf_to_ctrl_c() -> None:
    """Ctrl-C reaches all processes of a terminal; the first one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
