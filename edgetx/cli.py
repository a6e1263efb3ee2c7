"""The command line: ``edgetx run | check | devices | listen | doctor``.

Exit codes: 0 well, 1 trouble, 78 wrong settings.

Each command imports what it needs when it runs: ``--help`` and ``check`` must not wait for numpy.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edgetx import __version__
from edgetx.errors import EdgetxError, SettingsError

EXIT_TROUBLE = 1
EXIT_SETTINGS = os.EX_CONFIG
DEFAULT_CONFIG = Path("/etc/edgetx/edgetx.yaml")

EXAMPLES = """\
examples:
  edgetx devices                          what can be captured, under which name
  edgetx check --config edgetx.yaml       are the settings right?
  edgetx run --config edgetx.yaml         the daemon, until Ctrl-C
  edgetx listen --config edgetx.yaml      what the daemon publishes, as it comes
  edgetx doctor --provider aai            does this provider take our sound?
"""
DOCTOR_EXAMPLE = """\
example:
  edgetx doctor --provider aai --config edgetx.yaml

Opens a session with the provider, as the daemon would, sends a second of
silence and ends it. A line on each step says what happened, and what to do.
Exit code 0: all went well; 1: not all.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except SettingsError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        return EXIT_SETTINGS
    except EdgetxError as error:
        print(error, file=sys.stderr)
        return EXIT_TROUBLE
    except KeyboardInterrupt:
        return EXIT_TROUBLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgetx",
        description="Microphones in, transcripts on MQTT out, nothing lost in between.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"edgetx {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, function, text, takes_config in (
        ("run", _run, "capture, transcribe and publish until stopped", True),
        ("check", _check, "check the settings file and show every fault", True),
        ("devices", _devices, "list the capture devices", False),
        ("listen", _listen, "subscribe and print what is published", True),
        ("doctor", _doctor, "try a provider, step by step", True),
    ):
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        command.set_defaults(command=function)
        if takes_config:
            command.add_argument(
                "--config",
                type=Path,
                default=DEFAULT_CONFIG,
                metavar="FILE",
                help="the settings (default: %(default)s)",
            )
    _add_doctor_options(commands.choices["doctor"])
    return parser


def _add_doctor_options(doctor: argparse.ArgumentParser) -> None:
    doctor.epilog = DOCTOR_EXAMPLE
    doctor.formatter_class = argparse.RawDescriptionHelpFormatter
    doctor.add_argument("--provider", metavar="NAME", help="its name in the settings (default: those that are used)")


def _run(options: argparse.Namespace) -> int:
    # One thread is enough for a matrix-vector product, and OpenBLAS reads this when numpy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import asyncio  # noqa: PLC0415

    from edgetx import app, log  # noqa: PLC0415
    from edgetx.plans import read_settings  # noqa: PLC0415

    log.set_up(os.environ)
    asyncio.run(app.run(partial(read_settings, options.config, os.environ), os.environ))
    return 0


def _check(options: argparse.Namespace) -> int:
    from edgetx.config import load  # noqa: PLC0415

    config = load(options.config, os.environ)
    microphones = ", ".join(f"{microphone.name} ({microphone.provider})" for microphone in config.microphones)
    print(f"{options.config} is right: device {config.device}, broker {config.mqtt.url}, microphones: {microphones}.")
    return 0


def _devices(_options: argparse.Namespace) -> int:
    from edgetx.audio.alsa import capture_devices  # noqa: PLC0415
    from edgetx.audio.devices import table  # noqa: PLC0415

    print(table(capture_devices()))
    return 0


def _listen(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415
    import random  # noqa: PLC0415

    from edgetx.config import load  # noqa: PLC0415
    from edgetx.mqtt.listener import Listener  # noqa: PLC0415
    from edgetx.secret import reveal  # noqa: PLC0415

    settings = load(options.config, os.environ).mqtt
    password = reveal(settings.password, os.environ, where="mqtt.password") if settings.password else None

    async def listen() -> None:
        enough = asyncio.Event()

        def show(text: str) -> None:
            try:
                print(text, flush=True)
            except BrokenPipeError:  # As with head: whoever reads has enough. Nothing is left to be flushed at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                enough.set()

        listener = Listener(settings, password, show=show, sleep=asyncio.sleep, random=random.random)
        listening = asyncio.ensure_future(listener.run())
        await asyncio.wait((listening, asyncio.ensure_future(enough.wait())), return_when=asyncio.FIRST_COMPLETED)
        if not enough.is_set():
            await listening

    asyncio.run(listen())
    return 0


def _doctor(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415

    from edgetx import doctor  # noqa: PLC0415
    from edgetx.config import load  # noqa: PLC0415

    providers = doctor.chosen(load(options.config, os.environ), options.provider, os.environ)
    return 0 if asyncio.run(doctor.examine(providers, show=partial(print, flush=True))) else EXIT_TROUBLE


if __name__ == "__main__":
    sys.exit(main())
