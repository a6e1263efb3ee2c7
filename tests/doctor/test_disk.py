"""The disk under the state: lines of mountinfo as a Raspberry Pi OS 12 has them."""

from dataclasses import replace

import pytest

from edgetx.doctor.disk import Mount, Place, Writer, judge, mount_of

MOUNTS = """\
24 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw,commit=60
25 24 0:5 / /proc rw,nosuid shared:12 - proc proc rw
30 24 179:1 / /boot/firmware rw,relatime shared:29 - vfat /dev/mmcblk0p1 rw,fmask=0022
40 24 8:1 / /var/lib/my\\040disk rw,relatime - xfs /dev/sda1 rw
41 24 8:2 / /var/lib rw - ext4 /dev/sda2 rw
42 24 8:3 / /var/lib ro - ext4 /dev/sda3 rw
nonsense
"""
CARD = Mount("/", "ext4", "/dev/mmcblk0p2", frozenset({"rw", "noatime", "commit=60"}))
PLACE = Place("/var/lib/edgetx", exists=True, mount=CARD, free_bytes=9_000_000_000, card=True, owner=999, mode=0o700)
EDGETX = Writer("edgetx", 999)


def told(
    place: Place, writer: Writer = EDGETX, kept: int = 512, durability: str = "crash"
) -> dict[str, tuple[str, str]]:
    findings = judge(place, writer, kept_megabytes=kept, durability=durability)
    return {finding.name: (finding.verdict, f"{finding.text} {finding.remedy}".strip()) for finding in findings}


def test_a_path_lies_on_the_longest_mount_point_and_there_on_the_last():
    assert mount_of("/home/pi", MOUNTS) == CARD
    assert mount_of("/boot/firmware/x", MOUNTS).device == "/dev/mmcblk0p1"
    assert mount_of("/boot/firmware2", MOUNTS) == CARD
    assert mount_of("/var/lib/my disk", MOUNTS).kind == "xfs"
    assert mount_of("/var/lib", MOUNTS).options == {"ro", "rw"}
    assert mount_of("/x", "") is None


def test_a_card_that_is_well():
    assert told(PLACE) == {
        "room": ("ok", "9000 MB are free where the state is kept (/var/lib/edgetx)."),
        "state": ("ok", "The user edgetx may write into /var/lib/edgetx."),
        "wear": ("ok", "The state is on an SD card (/dev/mmcblk0p2, commit=60, ext4 and noatime); settings spare it."),
    }


@pytest.mark.parametrize(
    ("free", "verdict", "words"),
    [(150_000_000, "FAILED", "Only 150 MB are free"), (400_000_000, "warning", "the microphones may keep 512 MB")],
)
def test_too_little_room(free, verdict, words):
    came, said = told(replace(PLACE, free_bytes=free))["room"]
    assert came == verdict
    assert words in said


@pytest.mark.parametrize(
    ("place", "verdict", "words"),
    [
        (replace(PLACE, mount=replace(CARD, options=frozenset({"ro"}))), "FAILED", "/ is mounted read-only"),
        (replace(PLACE, exists=False), "ok", "is not there yet; the first start makes it"),
        (replace(PLACE, owner=0), "FAILED", "may not write into /var/lib/edgetx. sudo chown -R edgetx:"),
        (replace(PLACE, mode=0o500), "FAILED", "may not write"),
        (replace(PLACE, strangers=("state.db", "x")), "FAILED", "state.db and x belong to another user than edgetx"),
    ],
)
def test_whether_the_services_user_may_write(place, verdict, words):
    came, said = told(place)["state"]
    assert came == verdict
    assert words in said


def test_root_may_write_anywhere():
    assert told(replace(PLACE, mode=0), Writer("root", 0))["state"][0] == "ok"


def test_what_wears_a_card():
    bare = replace(PLACE, mount=replace(CARD, options=frozenset({"rw"})))
    verdict, said = told(bare, durability="power")["wear"]
    assert verdict == "warning"
    assert "Mount it with noatime" in said
    assert "'crash' wears less" in said
    assert told(replace(PLACE, card=False), durability="power")["wear"][0] == "ok"


def test_a_state_in_memory_is_forgotten():
    for kind in ("tmpfs", "overlay"):
        verdict, said = told(replace(PLACE, mount=replace(CARD, kind=kind)))["wear"]
        assert verdict == "warning"
        assert "a restart of the machine forgets" in said
    assert told(replace(PLACE, mount=None))["wear"][0] == "skipped"
