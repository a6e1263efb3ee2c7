"""The command line: ``edgetx COMMAND``, as `edgetx --help` lists them.

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
  edgetx levels --device usb:2886:0018    how loud is it? until Ctrl-C
  edgetx check --config edgetx.yaml       are the settings right?
  edgetx run --config edgetx.yaml         the daemon, until Ctrl-C
  edgetx listen --config edgetx.yaml      what the daemon publishes, as it comes
  edgetx mute desk                        close that microphone, for good
  edgetx doctor --config edgetx.yaml      what is wrong, and what mends it?
  edgetx replay talk.wav --array NAME     what an array makes of a recording
"""
DOCTOR_EXAMPLES = """\
examples:
  edgetx doctor --config edgetx.yaml      all of it: settings, service, disk,
                                          power, devices, broker, providers
  sudo edgetx doctor                      the installed service's, with secrets
  edgetx doctor --provider aai            only whether it takes our sound
  edgetx doctor --json                    {"ok": true, "checks": [{"stage",
                                          "name", "verdict", "text", "remedy"}]}

A line on each check says what was found and what to do. It listens to a free
device for two seconds, sends a second of silence to each provider that is
used, and publishes one message on <base>/<device>/doctor. What the running
service holds is left alone. What cannot be checked here is skipped.
Exit code 0: nothing FAILED; 1: something did; 78: the settings are wrong.
"""
REPLAY_EXAMPLES = """\
examples:
  edgetx replay talk.wav --array respeaker-usb-4mic
  edgetx replay talk.wav --array respeaker-4mic --listen '{azimuth_deg: 90}'
  edgetx replay talk.wav --config edgetx.yaml --microphone desk --picture

The recording has all the channels of the array, as the card delivers them:
  arecord -D hw:CARD=ArrayUAC10 -f S16_LE -r 16000 -c 6 -d 30 talk.wav
Written are talk.mono.wav (what the provider would hear), talk.direction.csv,
talk.speech.csv (what the gate lets pass) and, with --picture, talk.png.
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
    for name, function, text, needs_config in (
        ("run", _run, "capture, transcribe and publish until stopped", True),
        ("check", _check, "check the settings file and show every fault", True),
        ("devices", _devices, "list the capture devices", False),
        ("levels", _levels, "show how loud each channel of a device is", False),
        ("listen", _listen, "subscribe and print what is published", True),
        ("mute", _mute, "close a microphone's device, until unmuted", True),
        ("unmute", _mute, "let a muted microphone hear again", True),
        ("doctor", _doctor, "find what is wrong, step by step, and what mends it", True),
    ):
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        command.set_defaults(command=function)
        command.add_argument(
            "--config",
            type=Path,
            default=DEFAULT_CONFIG if needs_config else None,
            metavar="FILE",
            help=f"the settings (default: {DEFAULT_CONFIG}{'' if needs_config else ', if it can be read'})",
        )
    text = "have the running service read its settings again, and say what comes of it"
    commands.add_parser("reload", help=text, description=f"{text.capitalize()}.").set_defaults(command=_reload)
    _add_replay(commands.add_parser("replay", help="run a recording through an array's front end and the speech gate"))
    _add_devices_options(commands.choices["devices"])
    _add_levels_options(commands.choices["levels"])
    _add_doctor_options(commands.choices["doctor"])
    _add_mute_options(commands.choices["mute"], on=True)
    _add_mute_options(commands.choices["unmute"], on=False)
    return parser


def _add_devices_options(devices: argparse.ArgumentParser) -> None:
    devices.epilog = "A star marks what the settings choose. Names are the ones to write behind 'alsa:'."
    devices.add_argument("--json", action="store_true", help="as JSON")


def _add_levels_options(levels: argparse.ArgumentParser) -> None:
    levels.epilog = "Without a choice: the first microphone of the settings; without settings: ALSA's default."
    which = levels.add_mutually_exclusive_group()
    which.add_argument("--microphone", metavar="NAME", help="its name in the settings")
    which.add_argument("--device", metavar="ALSA", type=_alsa_name, help="a device, as 'edgetx devices' lists it")
    levels.add_argument(
        "--array", metavar="NAME", help="the array that --device is, or auto: shows where its talker is"
    )


def _add_replay(replay: argparse.ArgumentParser) -> None:
    replay.set_defaults(command=_replay)
    replay.description = "Run a recording through the same front end and speech gate as the daemon's."
    replay.epilog = REPLAY_EXAMPLES
    replay.formatter_class = argparse.RawDescriptionHelpFormatter
    replay.add_argument("recording", type=Path, metavar="FILE.wav", help="16-, 24- or 32-bit PCM, of any rate")
    which = replay.add_mutually_exclusive_group()
    which.add_argument("--array", metavar="NAME", help="the board, or its microphones, as the settings say it")
    which.add_argument("--microphone", metavar="NAME", help="array and direction of that microphone in the settings")
    replay.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="the settings, for --microphone"
    )
    replay.add_argument(
        "--listen", metavar="WHAT", help="as the settings say it: auto, mix, delay-and-sum, {azimuth_deg: N}"
    )
    replay.add_argument("--output", type=Path, default=Path(), metavar="FOLDER", help="where to write (default: here)")
    replay.add_argument("--picture", action="store_true", help="draw it all as a PNG, too")


def _alsa_name(text: str) -> str:
    from edgetx.tokens import alsa_name  # noqa: PLC0415

    if fault := alsa_name(text):
        raise argparse.ArgumentTypeError(fault)
    return text


def _add_doctor_options(doctor: argparse.ArgumentParser) -> None:
    doctor.epilog = DOCTOR_EXAMPLES
    doctor.formatter_class = argparse.RawDescriptionHelpFormatter
    doctor.add_argument("--provider", metavar="NAME", help="try only this provider, by its name in the settings")
    doctor.add_argument("--json", action="store_true", help="as JSON, when all is done")


def _add_mute_options(mute: argparse.ArgumentParser, *, on: bool) -> None:
    mute.epilog = "Asks the running service by the broker of the settings. Exit code 0: done; 1: not, or not all of it."
    mute.set_defaults(on=on)
    mute.add_argument("microphone", nargs="?", metavar="MICROPHONE", help="its name (default: every microphone)")


def _run(options: argparse.Namespace) -> int:
    # One thread is enough for a matrix-vector product, and OpenBLAS reads this when numpy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import asyncio  # noqa: PLC0415

    from edgetx import app, log  # noqa: PLC0415
    from edgetx.plans import read_settings  # noqa: PLC0415

    log.set_up(os.environ)
    asyncio.run(app.run(partial(read_settings, options.config, os.environ), os.environ))
    return 0


def _reload(_options: argparse.Namespace) -> int:
    from edgetx import reload_note, systemd  # noqa: PLC0415

    if faults := reload_note.ask(systemd.runtime_folder(os.environ) or reload_note.FOLDER):
        raise SettingsError([*faults, "Not applied: the daemon goes on with the settings that it has."])
    print("The settings are applied.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from edgetx.config import load  # noqa: PLC0415
    from edgetx.listening import in_words  # noqa: PLC0415

    config = load(options.config, os.environ)
    microphones = ", ".join(f"{each.name} ({each.provider}{in_words(each.array)})" for each in config.microphones)
    print(f"{options.config} is right: device {config.device}, broker {config.mqtt.url}, microphones: {microphones}.")
    return 0


def _devices(options: argparse.Namespace) -> int:
    from edgetx.device_commands import SettingsFile, devices  # noqa: PLC0415

    warn = partial(print, file=sys.stderr)
    settings = SettingsFile(options.config, DEFAULT_CONFIG, os.environ)
    devices(settings, as_json=options.json, show=print, warn=warn)
    return 0


def _levels(options: argparse.Namespace) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import signal  # noqa: PLC0415

    from edgetx.device_commands import SettingsFile, levels  # noqa: PLC0415

    for number in (signal.SIGTERM, signal.SIGHUP):  # The terminal is to be left as it was.
        signal.signal(number, signal.default_int_handler)
    settings = SettingsFile(options.config, DEFAULT_CONFIG, os.environ)
    levels(settings, microphone=options.microphone, device=options.device, array=options.array)
    return 0


def _replay(options: argparse.Namespace) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edgetx.replay import Wanted, replay  # noqa: PLC0415

    wanted = Wanted(options.recording, options.array, options.listen, options.config, options.microphone)
    replay(wanted.settings(os.environ), options.output, picture=options.picture, show=print)
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


def _mute(options: argparse.Namespace) -> int:
    from edgetx.mute_command import mute  # noqa: PLC0415

    return 0 if mute(options.config, os.environ, options.microphone, on=options.on, show=print) else EXIT_TROUBLE


def _doctor(options: argparse.Namespace) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edgetx.doctor.command import Doctor  # noqa: PLC0415
    from edgetx.doctor.reading import Machine  # noqa: PLC0415

    doctor = Doctor(options.config, os.environ, options.json, Machine())
    return doctor.one_provider(options.provider) if options.provider else doctor.everything()


if __name__ == "__main__":
    sys.exit(main())
