"""A machine that was started anew, as one process of it sees that. As a program, Linux and root only:

    python reboot.py FILE COMMAND...

runs a command whose monotonic clocks begin at a few seconds (time_namespaces(7)) and whose boot id is what FILE holds.
"""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

CLONE_NEWTIME, CLONE_NEWNS = 0x80, 0x20000
UP_SECONDS = 20
BOOT_ID = "/proc/sys/kernel/random/boot_id"

SYNCHRONISED = r"""
#include <string.h>
#include <sys/timex.h>
int adjtimex(struct timex *answer) { memset(answer, 0, sizeof *answer); return TIME_OK; }
"""
"""A kernel whose clock NTP has set, to be preloaded: a machine where tests run seldom has one."""


def synchronised_clock(folder: Path) -> Path:
    """Build `SYNCHRONISED`; return the library."""
    source, library = folder / "synchronised.c", folder / "synchronised.so"
    source.write_text(SYNCHRONISED)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def main() -> None:
    """Move the clocks, give the machine another id, become the command."""
    boot_id, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWTIME | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "This process may not have clocks of its own.")
    clocks = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME}
    moved = [f"{name} {UP_SECONDS - int(time.clock_gettime(clock))} 0\n" for name, clock in clocks.items()]
    Path("/proc/self/timens_offsets").write_text("".join(moved))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", boot_id, BOOT_ID], check=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
