"""``edgetx doctor`` as it is typed: everything, or one provider, in words or as JSON."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetx.config import load
from edgetx.device_commands import listened
from edgetx.doctor import provider
from edgetx.doctor.examination import EXIT_OK, EXIT_TROUBLE, Examination
from edgetx.doctor.reading import Machine
from edgetx.doctor.report import Report
from edgetx.supervisor import DaemonThreads


@dataclass(frozen=True, slots=True)
class Doctor:
    """Writes to standard output. ``machine``: the one that is looked at."""

    path: Path
    environment: Mapping[str, str]
    as_json: bool
    machine: Machine

    def everything(self) -> int:
        """Examine everything; return the exit code."""
        report = self._report()
        examination = Examination(self.path, self.environment, report, listened, self.machine)

        async def run() -> int:
            code = await examination.run()
            report.show(report.summary)
            return code

        return self._told(report, run)

    def one_provider(self, name: str) -> int:
        """Try one provider; return the exit code. Raise SettingsError or Refused when it is not to be had."""
        report = self._report()
        (found,) = provider.chosen(load(self.path, self.environment), name, self.environment)

        async def run() -> int:
            asyncio.get_running_loop().set_default_executor(DaemonThreads())
            return EXIT_OK if await provider.Visit(found, report.tell, stage=name).run() else EXIT_TROUBLE

        return self._told(report, run)

    def _report(self) -> Report:
        plain = self.environment.get("NO_COLOR") or self.environment.get("TERM") == "dumb"
        return Report(_drop if self.as_json else _write, coloured=sys.stdout.isatty() and not plain)

    def _told(self, report: Report, run: Callable[[], Awaitable[int]]) -> int:
        async def examine() -> int:
            return await run()

        try:
            code = asyncio.run(examine())
            if self.as_json:
                _write(report.as_json)
        except BrokenPipeError:  # As with head: whoever reads has enough. Nothing is left to be flushed at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_TROUBLE
        return code


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _drop(_line: str) -> None:
    """Show nothing: JSON comes whole, at the end."""
