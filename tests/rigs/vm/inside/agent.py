"""The rig's hand inside the machine: runs what it is told over a virtio port, and sends back what came of it.

A line of JSON each way. In: ``{"id", "run"}``, or ``{"id", "follow"}`` for a program whose lines are wanted as they
come. Out: ``{"booted"}`` once, ``{"id", "code", "out"}`` at a program's end, ``{"id", "line"}`` for each line that is
followed. Only what Debian's Python has.
"""

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

PORT = Path("/dev/virtio-ports/rig")
WRITING = threading.Lock()


def main() -> None:
    while not PORT.exists():
        time.sleep(0.1)
    with PORT.open("r+b", buffering=0) as port:
        tell(port, {"booted": Path("/proc/sys/kernel/random/boot_id").read_text().strip()})
        waiting = b""
        while received := port.read(4096):
            *lines, waiting = (waiting + received).split(b"\n")
            for line in lines:
                threading.Thread(target=obey, args=(port, json.loads(line)), daemon=True).start()


def obey(port: BinaryIO, order: dict[str, Any]) -> None:
    command = order.get("run") or order["follow"]
    program = subprocess.Popen(
        ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert program.stdout
    if "follow" in order:
        for line in program.stdout:
            tell(port, {"id": order["id"], "line": line.decode(errors="replace").rstrip("\n")})
    out = program.stdout.read()
    tell(port, {"id": order["id"], "code": program.wait(), "out": out.decode(errors="replace")})


def tell(port: BinaryIO, message: dict[str, Any]) -> None:
    left = json.dumps(message).encode() + b"\n"
    with WRITING:
        while left:
            left = left[port.write(left) or 0 :]


if __name__ == "__main__":
    main()
