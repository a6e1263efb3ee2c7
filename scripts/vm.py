"""What happens in the machine behind scripts/vm: its scenes, one after the other, seen from outside."""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "scripts/lib")]

from ending import end_in_order  # noqa: E402

from tests.rigs.vm.machine import Machine, MachineError  # noqa: E402
from tests.rigs.vm.report import Report  # noqa: E402
from tests.rigs.vm.scenes import ALWAYS, ONLY_NAMED, SCENES, title  # noqa: E402
from tests.rigs.vm.stage import Stage  # noqa: E402

LOG_LINES = 40


def main() -> int:
    given = arguments()
    end_in_order()
    report = Report(partial(print, flush=True))
    chosen = given.scene or [name for name in SCENES if name not in ONLY_NAMED]
    wanted = [name for name in SCENES if name in ALWAYS or name in chosen]
    began = time.monotonic()
    try:
        with Machine(given.kernel, given.disk, given.disk.parent) as machine:
            report.figure("up_after_seconds", round(time.monotonic() - began, 1), "(the machine)")
            stage = Stage(machine, report)
            for name in wanted:
                play(stage, name)
                if name in ALWAYS and name in report.broken:
                    break
    except MachineError as error:
        report.check("the machine", False, str(error))
        print((given.disk.parent / "console.log").read_text(errors="replace")[-3000:], file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return report.close()


def play(stage: Stage, name: str) -> None:
    """One scene; if it found faults, the daemon's own log after them."""
    known = len(stage.report.faults)
    with stage.report.playing(name, title(name)):
        SCENES[name](stage)
    if len(stage.report.faults) > known:
        stage.report.show(stage.machine.result(f"journalctl -u edgetx --no-pager -n {LOG_LINES}").out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/vm", description="See scripts/vm --help.")
    parser.add_argument("--kernel", type=Path, required=True)
    parser.add_argument("--disk", type=Path, required=True)
    parser.add_argument("--scene", action="append", choices=list(SCENES))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
