"""Boards whose driver is missing: the boot configurations and DKMS trees of real help threads.

github.com/respeaker/seeed-voicecard issues 283 (no module for the kernel), 311 (the overlay is not applied), 100 (DKMS
has nothing); adafruit/Raspberry-Pi-Installer-Scripts pull 385 (the card's id with the voiceHAT's overlay).
"""

from dataclasses import replace

import pytest

from edgetx.doctor.hats import HATS, Boot, judge, overlays

KERNEL = "6.6.31+rpt-rpi-v8"
CONFIG = """\
# For more options and information see
dtparam=audio=on
dtparam=i2s=on
dtoverlay=vc4-kms-v3d
[cm4]
otg_mode=1
[all]
dtoverlay=i2s-mmap
dtoverlay = seeed-4mic-voicecard,nogain  # the array
"""
PI4 = "Raspberry Pi 4 Model B Rev 1.4"
BOOT = Boot("/boot/firmware/config.txt", CONFIG, PI4, KERNEL, overlays=(), modules=("snd-usb-audio",), dkms={})


def told(boot: Boot, *cards: str) -> tuple[str, str]:
    (finding,) = judge(boot, cards)
    return finding.verdict, f"{finding.text} {finding.remedy}".strip()


def test_no_board_is_asked_for():
    assert judge(replace(BOOT, text="dtparam=audio=on\ndtoverlay=vc4-kms-v3d\ndtoverlay=\n"), []) == []


def test_the_card_is_there():
    asked = "/boot/firmware/config.txt asks for the ReSpeaker 4-Mic Array (seeed-4mic-voicecard)"
    assert told(BOOT, "vc4hdmi0", "seeed4micvoicec") == ("ok", f"{asked}, and its card is there.")
    twice = replace(BOOT, text=CONFIG + "dtoverlay=seeed-4mic-voicecard\n")
    assert told(twice, "seeed4micvoicec")[0] == "ok"


def test_the_driver_is_missing_and_dkms_built_it_for_the_kernel_before():
    verdict, said = told(replace(BOOT, dkms={"seeed-voicecard": ("6.1.21-v8+",), "other": (KERNEL,)}), "vc4hdmi0")
    assert verdict == "FAILED"
    assert f"the driver snd-soc-seeed-voicecard is missing for the kernel that runs, {KERNEL}; DKMS has" in said
    assert "DKMS has built it for 6.1.21-v8+ only. Build it: " in said
    assert "sudo dkms autoinstall" in said


def test_the_driver_is_known_to_dkms_and_built_for_nothing():
    _, said = told(replace(BOOT, dkms={"seeed-voicecard": ()}))
    assert f"{KERNEL}. Build it:" in said


def test_the_driver_was_never_installed():
    _, said = told(BOOT)
    assert "Install seeed-voicecard (" in said
    _, said = told(replace(BOOT, text="dtoverlay=googlevoicehat-soundcard"))
    assert "It comes with Raspberry Pi's own kernel" in said


def test_the_kernel_was_updated_and_the_machine_not_restarted():
    assert told(replace(BOOT, modules=None))[1].endswith("as after an update. Restart the device: sudo reboot")


def test_the_driver_is_there_but_no_board():
    there = replace(BOOT, modules=("snd-soc-seeed-voicecard",))
    assert "seat the board anew" in told(there)[1]
    assert "seat the board anew" in told(replace(there, overlays=("seeed-4mic-voicecard",)))[1]
    assert "there is no overlays/seeed-4mic-voicecard.dtbo" in told(replace(there, overlays=("vc4-kms-v3d",)))[1]


@pytest.mark.parametrize("hat", HATS, ids=lambda hat: hat.overlay)
def test_every_known_board_is_found_by_its_overlay_and_its_card(hat):
    boot = replace(BOOT, text=f"dtoverlay={hat.overlay}")
    assert told(boot)[0] == "FAILED"
    assert told(boot, hat.card.upper() + "7")[0] == "ok"


@pytest.mark.parametrize(
    ("section", "model", "holds"),
    [
        ("all", PI4, True),
        ("pi4", PI4, True),
        ("pi3", PI4, False),
        ("pi3+", "Raspberry Pi 3 Model B Plus Rev 1.3", True),
        ("pi0w", "Raspberry Pi Zero 2 W Rev 1.0", True),
        ("none", PI4, False),
        ("cm4", PI4, False),
        ("pi4", "", False),
    ],
)
def test_a_section_of_the_boot_configuration_holds_for_its_model(section, model, holds):
    assert overlays(f"[{section}]\ndtoverlay=a,b=1\n", model) == (["a"] if holds else [])
