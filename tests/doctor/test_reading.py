"""Reading a machine: made-up trees with the files of a real Raspberry Pi 4 (Raspberry Pi OS 12, kernel 6.6)."""

import os
from pathlib import Path

import pytest

from edgetx.doctor.reading import Machine, run

KERNEL = "6.6.31+rpt-rpi-v8"
FILES = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "proc/cmdline": "console=tty1 root=PARTUUID=12ab-02 rootfstype=ext4 fsck.repair=yes rootwait\n",
    "proc/self/mountinfo": "24 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n",
    "sys/block/mmcblk0/device/type": "SD\n",
    "sys/class/thermal/thermal_zone0/temp": "51121\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
    "etc/passwd": "edgetx:x:999:29::/:/usr/sbin/nologin\n",
    "etc/group": "audio:x:29:\n",
    "boot/firmware/config.txt": "dtoverlay=seeed-2mic-voicecard\n",
    "boot/firmware/overlays/seeed-2mic-voicecard.dtbo": "",
    f"lib/modules/{KERNEL}/modules.dep": "kernel/sound/soc/codecs/snd-soc-wm8960.ko.xz: kernel/sound/core/snd.ko.xz\n",
    f"lib/modules/{KERNEL}/modules.builtin": "kernel/drivers/mmc/core/mmc_core.ko\n",
    "var/lib/dkms/seeed-voicecard/0.3/6.1.21-v8+/aarch64/module/snd-soc-seeed-voicecard.ko": "",
    "var/lib/dkms/seeed-voicecard/0.3/source/dkms.conf": "",
    "var/lib/dkms/other/1.0/build/dkms.conf": "",
}


@pytest.fixture
def tree(tmp_path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def silent(_command: object) -> None:
    return None


def test_the_boot_configuration_and_the_drivers(tree):
    boot = Machine(tree, silent).boot()
    assert (boot.path, boot.text) == ("/boot/firmware/config.txt", "dtoverlay=seeed-2mic-voicecard\n")
    assert (boot.model, boot.kernel) == ("Raspberry Pi 4 Model B Rev 1.4", KERNEL)
    assert boot.overlays == {"seeed-2mic-voicecard"}
    assert boot.modules == {"snd-soc-wm8960", "mmc-core"}
    assert boot.dkms == {"seeed-voicecard": {"6.1.21-v8+"}, "other": frozenset()}


def test_an_older_system_has_its_boot_configuration_elsewhere(tmp_path):
    write(tmp_path, {"boot/config.txt": "dtoverlay=matrixio", "boot/overlays/matrixio.dtbo": ""})
    boot = Machine(tmp_path, silent).boot()
    assert (boot.path, boot.overlays, boot.modules) == ("/boot/config.txt", {"matrixio"}, None)


def test_a_kernel_whose_modules_are_gone(tree):
    (tree / "proc/sys/kernel/osrelease").write_text("6.6.20\n")
    assert Machine(tree, silent).boot().modules is None


def test_power_and_heat(tree):
    machine = Machine(tree, silent)
    assert (machine.throttled(), machine.low_voltage(), machine.celsius()) == (0x50000, False, 51.121)
    (tree / "sys/class/hwmon/hwmon1/in0_lcrit_alarm").write_text("1\n")
    assert machine.low_voltage() is True


def test_the_firmwares_program_is_asked_first_and_on_a_pi_only(tree):
    asked: list[object] = []

    def vcgencmd(command: object) -> str:
        asked.append(command)
        return "throttled=0x5\n"

    assert Machine(tree, vcgencmd).throttled() == 5
    assert asked == [["vcgencmd", "get_throttled"]]
    (tree / "proc/device-tree/model").unlink()
    assert Machine(tree, vcgencmd).throttled() == 0x50000
    assert len(asked) == 1


def test_a_machine_that_tells_nothing(tmp_path):
    machine = Machine(tmp_path, silent)
    assert (machine.model, machine.throttled(), machine.low_voltage(), machine.celsius()) == ("", None, None, None)
    assert (machine.boot().text, machine.boot().dkms) == ("", {})
    assert machine.accounts().audio() is None
    assert machine.place("/var/lib/edgetx").mount is None
    assert machine.sound_system.cards() == []


def test_the_place_of_the_state(tree):
    place = Machine(tree, silent).place("/var/lib/edgetx")
    assert (place.exists, place.card, place.mount.device, place.strangers) == (False, True, "/dev/mmcblk0p2", ())
    state = tree / "var/lib/edgetx"
    state.mkdir(mode=0o700)
    (state / "state.db").touch()
    place = Machine(tree, silent).place("/var/lib/edgetx")
    assert (place.exists, place.owner, place.mode, place.strangers) == (True, os.geteuid(), 0o700, [])
    assert place.free_bytes > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_another_user_among_the_state(tree):
    state = tree / "var/lib/edgetx"
    state.mkdir()
    (state / "state.db").touch()
    os.chown(state / "state.db", 4711, 4711)
    assert Machine(tree, silent).place("/var/lib/edgetx").strangers == ["state.db"]


@pytest.mark.parametrize(
    ("device", "files", "is_card"),
    [
        ("/dev/mmcblk0p2", {}, True),
        ("/dev/mmcblk0p2", {"sys/block/mmcblk0/device/type": "MMC\n"}, False),
        ("/dev/root", {}, True),
        ("/dev/root", {"proc/cmdline": "root=/dev/mmcblk0p2"}, True),
        ("/dev/root", {"proc/cmdline": "root=/dev/sda2"}, False),
        ("/dev/root", {"proc/cmdline": ""}, False),
        ("/dev/sda2", {}, False),
        ("/dev/nvme0n1p2", {}, False),
    ],
)
def test_what_is_an_sd_card(tree, device, files, is_card):
    write(tree, {"proc/self/mountinfo": f"24 1 0:1 / / rw shared:1 - ext4 {device} rw\n", **files})
    assert Machine(tree, silent).place("/var").card is is_card


def test_the_service(tree):
    asked: list[list[str]] = []

    def systemctl(command: list[str]) -> str:
        asked.append(command)
        return "LoadState=loaded\nActiveState=active\nMainPID=7\n"

    assert Machine(tree, systemctl).unit().trouble == "systemd does not run this machine."
    (tree / "run/systemd/system").mkdir(parents=True)
    assert Machine(tree, systemctl).unit().process == 7
    assert asked[0][:3] == ["systemctl", "show", "edgetx.service"]
    assert Machine(tree, silent).unit().trouble == "systemd does not answer 'systemctl show edgetx'."


def test_a_program_that_is_run_for_real():
    assert run(["echo", "hello"]) == "hello\n"
    assert run(["false"]) is None
    assert run(["/nonexistent/program"]) is None
