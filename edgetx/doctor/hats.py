"""Sound boards on a Pi's header whose driver is missing: what the boot configuration asks for, and no card came. Pure.

Sources: the overlays of github.com/raspberrypi/linux (arch/arm/boot/dts/overlays/README), seeed-voicecard's install.sh
and its issues 100, 283 and 311, matrixio-kernel-modules' Makefile; config.txt by
https://www.raspberrypi.com/documentation/computers/config_txt.html.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from edgetx.doctor.report import Finding, Verdict, several

STAGE = "sound"


@dataclass(frozen=True, slots=True)
class Hat:
    """``card``: how its card's id begins, in small letters. ``source``: where its driver is from, if not the kernel."""

    overlay: str
    title: str
    card: str
    module: str
    source: str = ""


SEEED = "seeed-voicecard (for a kernel of today: github.com/HinTak/seeed-voicecard)"
BUILD = "Build it: sudo apt install linux-headers-$(uname -r); sudo dkms autoinstall; sudo reboot"
HATS = (
    Hat("seeed-2mic-voicecard", "the ReSpeaker 2-Mics HAT", "seeed", "snd-soc-seeed-voicecard", SEEED),
    Hat("seeed-4mic-voicecard", "the ReSpeaker 4-Mic Array", "seeed", "snd-soc-seeed-voicecard", SEEED),
    Hat("seeed-8mic-voicecard", "the ReSpeaker 6-Mic or Linear 4-Mic Array", "seeed", "snd-soc-seeed-voicecard", SEEED),
    Hat("wm8960-soundcard", "a HAT with the WM8960", "wm8960", "snd-soc-wm8960"),
    Hat("googlevoicehat-soundcard", "the Google voiceHAT", "sndrpigooglevoi", "snd-soc-googlevoicehat-codec"),
    Hat("matrixio", "the MATRIX Creator or Voice", "matrixio", "matrixio-codec", "matrixio-kernel-modules"),
    Hat("adau7002-simple", "microphones behind an ADAU7002", "adau7002", "snd-soc-adau7002"),
)


@dataclass(frozen=True, slots=True)
class Boot:
    """What was found: ``path`` and ``text`` of config.txt, the overlays' files, the kernel and its drivers.

    ``modules`` is None where the kernel has no folder of modules; ``dkms``: which kernels a DKMS package is built for.
    """

    path: str
    text: str
    model: str
    kernel: str
    overlays: Collection[str]
    modules: Collection[str] | None
    dkms: dict[str, Collection[str]]


def judge(boot: Boot, cards: Sequence[str]) -> list[Finding]:
    """Return a finding on each known board that is asked for; ``cards``: the ids of the sound cards that are there."""
    wanted = [hat for name in overlays(boot.text, boot.model) for hat in HATS if name == hat.overlay]
    if not wanted:
        return []
    return [_judge(hat, boot, [card.lower() for card in cards]) for hat in dict.fromkeys(wanted)]


def overlays(text: str, model: str) -> list[str]:
    """Return the names behind ``dtoverlay=`` in config.txt that hold for this model."""
    return [match[1] for line in _lines(text, model) if (match := re.fullmatch(r"dtoverlay=([\w-]+)(?:,.*)?", line))]


def _lines(text: str, model: str) -> Iterator[str]:
    holds = True
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip().replace(" ", "")
        if section := re.fullmatch(r"\[(.+)\]", line):
            holds = _holds(section[1].lower(), model)
        elif holds:
            yield line


def _holds(section: str, model: str) -> bool:
    """Whether a section is for this model; of one that asks for something else nobody can be sure, so it is not."""
    found = re.search(r"Pi (Zero|\d+)", model)
    number = found[1].replace("Zero", "0") if found else "?"
    return section == "all" or re.fullmatch(rf"pi{number}[w+]?", section) is not None


def _judge(hat: Hat, boot: Boot, cards: Sequence[str]) -> Finding:
    asked = f"{boot.path} asks for {hat.title} ({hat.overlay})"
    if any(card.startswith(hat.card) for card in cards):
        return Finding(STAGE, "driver", Verdict.OK, f"{asked}, and its card is there.")
    text, remedy = _missing(hat, boot)
    return Finding(STAGE, "driver", Verdict.FAILED, f"{asked}, but there is no such card: {text}", remedy)


def _missing(hat: Hat, boot: Boot) -> tuple[str, str]:
    if boot.modules is None:
        return (
            f"the kernel that runs, {boot.kernel}, has no modules on the disk any more, as after an update.",
            "Restart the device: sudo reboot",
        )
    if hat.module not in boot.modules:
        return _no_module(hat, boot)
    if boot.overlays and hat.overlay not in boot.overlays:
        return f"there is no overlays/{hat.overlay}.dtbo beside it.", "Install the board's driver again."
    return (
        f"the driver {hat.module} is there for the kernel {boot.kernel}, but found no board.",
        "Take the power away, seat the board anew, start, and see: sudo dmesg | grep -i -e snd -e asoc",
    )


def _no_module(hat: Hat, boot: Boot) -> tuple[str, str]:
    text = f"the driver {hat.module} is missing for the kernel that runs, {boot.kernel}"
    built = sorted({kernel for package, kernels in boot.dkms.items() for kernel in kernels if _is_of(hat, package)})
    if built:
        text += f"; DKMS has built it for {several(built)} only"
    if any(_is_of(hat, package) for package in boot.dkms):
        return (
            f"{text}.",
            BUILD,
        )
    if hat.source:
        return f"{text}.", f"Install {hat.source}, and again after an update of the kernel that it does not follow."
    return f"{text}.", "It comes with Raspberry Pi's own kernel: sudo apt full-upgrade, then sudo reboot"


def _is_of(hat: Hat, package: str) -> bool:
    """Whether a DKMS package is the board's driver: it is named by the overlay, or by the driver itself."""
    return package in (hat.overlay, hat.source.partition(" ")[0])
