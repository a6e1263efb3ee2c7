"""The packaged boards: each is whole, each card is told from all others; and how a device's own boards join them."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from edgetx import boards
from edgetx.audio.cards import Card, Usb
from edgetx.board import Board
from edgetx.checks import identifier
from edgetx.errors import SettingsError

PROJECT = Path(__file__).parents[1]
MINE = "title: Mine\nmicrophones: [0, 1]\npositions_m: [[0, 0], [0, 0.1]]\nusb: ['dead:beef']\n"
ALL = boards.all()


@dataclass(frozen=True, slots=True)
class Seen:
    """A card as somebody has seen it: ``where``, and the boards that it may be."""

    id: str
    name: str
    boards: tuple[str, ...]
    where: str
    usb: str = ""


ISSUES = "https://github.com/respeaker/seeed-voicecard/issues"
HATS = ("respeaker-6mic", "respeaker-linear4")
MATRIX = ("matrix-creator", "matrix-voice")
SEEN = [
    Seen("seeed2micvoicec", "seeed-2mic-voicecard", ("respeaker-2mic",), "the driver's README"),
    Seen("seeed2micvoicec", "seeed2micvoicec", ("respeaker-2mic",), "the maker's wiki on version 2.0"),
    Seen("seeed4micvoicec", "seeed-4mic-voicecard", ("respeaker-4mic",), "the driver's README"),
    Seen("seeed8micvoicec", "seeed-8mic-voicecard", HATS, f"{ISSUES}/309 and 329"),
    Seen("MATRIXIOSOUND", "MATRIXIO-SOUND", MATRIX, "matrixio-codec.c, its asound.conf"),
    Seen("ArrayUAC10", "ReSpeaker 4 Mic Array (UAC1.0)", ("respeaker-usb-4mic",), "lsusb of users", "2886:0018"),
    Seen("Array", "reSpeaker XVF3800 4-Mic Array", ("respeaker-xvf3800",), "arecord -l of users", "2886:001a"),
    Seen("respeaker", "reSpeaker XVF3800 4-Mic Array", ("respeaker-xvf3800",), "renamed by udev", "2886:001a"),
    Seen("UAC20", "ReSpeaker MicArray UAC2.0", ("respeaker-core-6p1",), "libusb of a user", "2886:0007"),
    Seen("CameraB409241", "USB Camera-B4.09.24.1", ("ps3-eye",), "/proc/asound/cards of users", "1415:2000"),
    Seen("CameraB404271", "USB Camera-B4.04.27.1", ("ps3-eye",), "alexylem/jarvis 659", "1415:2000"),
    Seen("SPK", "micArray RAW SPK", ("minidsp-uma8",), "lsusb of users", "2752:001d"),
    # What is none of them, however near it comes.
    Seen("L16K6Ch", "reSpeaker Flex XVF3800 L16K6Ch", (), "another geometry", "2886:0022"),
    Seen("C16K6Ch", "reSpeaker Flex XVF3800 C16K6Ch", (), "another geometry", "2886:001e"),
    Seen("micArray", "micArray", (), "the UMA-8's firmware without raw sound", "2752:001c"),
    Seen("wm8960soundcard", "wm8960-soundcard", (), "many HATs with that codec"),
    Seen("sndrpigooglevoi", "snd_rpi_googlevoicehat_soundcar", (), "aplay -l of users"),
    Seen("Headphones", "bcm2835 Headphones", (), "every Pi"),
    Seen("vc4hdmi0", "vc4-hdmi-0", (), "every Pi 4"),
    Seen("Device", "USB PnP Sound Device", (), "every cheap stick", "0d8c:013c"),
    Seen("Array", "An array that nobody knows", (), "made up", "1234:5678"),
    Seen("Loopback", "Loopback", (), "snd-aloop"),
]


def card(seen: Seen) -> Card:
    vendor, _, product = seen.usb.partition(":")
    return Card(1, seen.id, name=seen.name, usb=Usb(vendor, product) if seen.usb else None)


# --- each packaged board ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", ALL, ids=[board.name for board in ALL])
class TestEachBoard:
    def test_its_name_can_be_written_in_the_settings(self, board: Board) -> None:
        assert identifier(board.name) is None
        assert board.name != "auto"
        assert boards.named(board.name) == board

    def test_it_says_what_every_channel_carries(self, board: Board) -> None:
        named = [*chain(board.microphones, board.processed, board.playback, board.unused)]
        assert sorted(named) == list(range(board.channels or 0))

    def test_it_says_how_its_card_is_opened(self, board: Board) -> None:
        assert board.rate
        assert board.format

    def test_its_microphones_stand_around_their_middle_as_on_a_board(self, board: Board) -> None:
        width = max(abs(number) for position in board.positions_m for number in position)
        assert 0.02 < width < 0.1
        assert all(abs(sum(axis)) < 0.001 * len(axis) for axis in zip(*board.positions_m, strict=True))

    def test_it_can_be_recognised(self, board: Board) -> None:
        assert bool(board.usb) != bool(board.cards)
        assert any(board.name in seen.boards for seen in SEEN)

    def test_it_says_where_all_this_is_from(self, board: Board) -> None:
        assert len(board.sources) >= 2
        assert all(source.startswith(("https://", "http://")) for source in board.sources)
        assert len(set(board.sources)) == len(board.sources)

    def test_what_rotates_can_be_put_right_by_channels_that_are_no_microphones(self, board: Board) -> None:
        assert not board.rotates or (len(board.playback) and (board.channels or 1) % 2 == 0)


def test_no_two_boards_are_the_same_array() -> None:
    assert len({board.positions_m for board in ALL}) == len(ALL)
    assert len({board.title for board in ALL}) == len(ALL)


# --- which board a card is --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", SEEN, ids=[f"{seen.id} {seen.name}" for seen in SEEN])
def test_a_card_that_people_have_is_told_from_all_others(seen: Seen) -> None:
    assert tuple(board.name for board in boards.among(ALL, card(seen))) == seen.boards
    found = boards.recognised(seen.id, seen.name, seen.usb)
    assert (found.name if found else None) == (seen.boards[0] if len(seen.boards) == 1 else None)
    assert boards.resolve("auto", card(seen)) == found


def test_what_the_settings_name_is_not_looked_up_by_the_card() -> None:
    mine = boards.named("respeaker-6mic")
    assert boards.resolve(mine, card(SEEN[0])) is mine
    assert boards.resolve(mine, None) is mine
    assert boards.resolve(None, card(SEEN[0])) is None
    assert boards.resolve("auto", None) is None


def test_why_a_board_is_not_recognised() -> None:
    assert boards.unresolved(card(SEEN[3])) == (
        "The card seeed8micvoicec may be 'respeaker-6mic' or 'respeaker-linear4': write which of them as 'array'."
    )
    assert boards.unresolved(card(SEEN[-1])) == (
        "The card Loopback is no array that is known; 'array' may say where its microphones are."
    )
    assert boards.unresolved(None).startswith("The device is no sound card, so it cannot be told which array it is")


# --- a device's own boards --------------------------------------------------------------------------------------


def test_own_boards_add_to_the_packaged_ones_and_stand_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "ps3-eye.yaml").write_text("\ufeff" + MINE, encoding="utf-8")
    for name in ("auto.yaml", "Not a name.yaml", "readme.txt", "mine.yaml~"):
        (tmp_path / name).write_text("not a board")
    folders = (boards.PACKAGED, tmp_path)
    assert {board.name for board in boards.all(folders)} == {"mine", *(board.name for board in ALL)}
    assert boards.named("ps3-eye", folders).title == "Mine"
    assert boards.named("respeaker-4mic", folders) == boards.named("respeaker-4mic")
    found = boards.recognised("Anything", "", "dead:beef", (tmp_path,))
    assert found is None, "two boards fit"
    assert boards.recognised("Anything", "", "1415:2000", folders) is None


def test_a_board_that_is_not_there() -> None:
    with pytest.raises(SettingsError) as caught:
        boards.named("respeaker-4mik")
    assert caught.value.faults == ["'respeaker-4mik' is no board; did you mean 'respeaker-4mic'?"]
    with pytest.raises(SettingsError, match="is no board; it is 'auto' or 'matrix-creator', "):
        boards.named("../../etc/passwd")


def test_own_boards_with_faults_harm_only_who_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("title: Bad\nmicrophons: [0]\n")
    (tmp_path / "latin.yaml").write_bytes(b"title: Gr\xfcn")
    (tmp_path / "folder.yaml").mkdir()
    folders = (boards.PACKAGED, tmp_path)
    assert boards.named("ps3-eye", folders).title == "PlayStation Eye"
    for name, fault in [
        ("bad", "bad.yaml:2: microphons: unknown setting; did you mean 'microphones'?"),
        ("latin", "latin.yaml: the file is not UTF-8 text; save it as UTF-8"),
        ("folder", "folder.yaml: cannot be read (Is a directory); check who may read it"),
    ]:
        with pytest.raises(SettingsError) as caught:
            boards.named(name, folders)
        assert f"{tmp_path}/{fault}" in caught.value.faults
    with pytest.raises(SettingsError):
        boards.all(folders)
    assert boards.chosen("ps3-eye", folders).name == "ps3-eye"
    with pytest.raises(SettingsError, match="did you mean 'microphones'"):
        boards.chosen("auto", folders)
    assert boards.chosen("auto", (boards.PACKAGED,)) == "auto"


# --- where they are ---------------------------------------------------------------------------------------------


def test_in_a_checkout_they_are_the_files_of_config() -> None:
    assert boards.PACKAGED.resolve() == PROJECT / "config" / "boards"
    assert {board.name for board in ALL} == {path.stem for path in (PROJECT / "config/boards").iterdir()}


@pytest.mark.slow
def test_a_wheel_holds_them_and_its_program_finds_them(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    for name in ("edgetx", "config/boards"):
        copied = ["cp", "-R", PROJECT / name, sources / name]
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(copied, check=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (sources / name).write_bytes((PROJECT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path]
    made = subprocess.run([*build, sources], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert made.returncode == 0, made.stdout
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    ask = "from edgetx import boards; print(boards.__file__, *(each.name for each in boards.all()))"
    path = os.pathsep.join([str(tmp_path / "site"), *sys.path])
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env={"PYTHONPATH": path},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    assert told == [f"{tmp_path}/site/edgetx/boards.py", *(board.name for board in ALL)]
