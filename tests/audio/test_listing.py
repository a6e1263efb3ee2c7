from edgetx.audio.cards import Card
from edgetx.audio.devices import Device, Offer
from edgetx.audio.format import SampleFormat
from edgetx.audio.listing import WIDTH, Choices, as_json, choices, table
from edgetx.audio.occupancy import Running, User

S16, S24, S32 = SampleFormat.S16_LE, SampleFormat.S24_3LE, SampleFormat.S32_LE
OFFER = Offer((16000,), (6,), (S16,), ("S16_BE",))
ARRAY = Device("hw:CARD=ArrayUAC10,DEV=0", "USB Audio", OFFER, "usb:2886:0018")
HELD = Device(
    "hw:CARD=Device,DEV=0", "Mic\x1b[31m", None, "usb:0d8c:0014", (User(7, "edgetx", Running(48000, 1, "S16_LE")),)
)
BUSY = Device("hw:CARD=x,DEV=0", "", None, "card:x")
SHUT = Device("hw:CARD=y,DEV=0", "", None, "card:y", trouble="may not be opened: add the user to the group 'audio'")
SHARED = Device("hw:CARD=Loopback,DEV=1", "Loopback", OFFER, "card:Loopback,1", (User(0, ""),))
FIFO = Device("fifo", "", Offer((8000, 16000), (), (S16,), ("A_LAW",)), "fifo")
CARDS = [Card(1, "ArrayUAC10", {0: "USB Audio"}), Card(2, "Device", {0: "Mic"})]
NOTHING = Choices()


def test_a_device_is_shown_with_its_token_its_name_and_what_it_does():
    assert table([ARRAY, FIFO], NOTHING) == (
        "  usb:2886:0018\n"
        "    USB Audio\n"
        "    hw:CARD=ArrayUAC10,DEV=0\n"
        "    16000 Hz, 6 channels, S16_LE; not read: S16_BE\n"
        "  fifo\n"
        "    8000, 16000 Hz, any channels, S16_LE"
    )


def test_a_device_in_use_says_by_whom_and_what_it_runs_at_and_nothing_harms_the_terminal():
    assert table([HELD], NOTHING) == (
        "  usb:0d8c:0014\n"
        "    Mic [31m\n"
        "    hw:CARD=Device,DEV=0\n"
        "    in use by edgetx (process 7), at 48000 Hz, 1 channel, S16_LE"
    )


def test_a_device_with_room_for_another_user_says_what_it_does_as_well():
    lines = table([SHARED], NOTHING).splitlines()
    assert lines[3] == "    in use by a program that is not shown to this user"
    assert lines[4].startswith("    16000 Hz")


def test_a_device_that_does_not_open_says_why():
    lines = table([BUSY, SHUT], NOTHING).splitlines()
    assert lines[2] == "    in use by another program"
    assert lines[5] == "    may not be opened: add the user to the group 'audio'"


def test_what_the_settings_choose_has_a_star_and_the_microphones_names():
    chosen = choices(
        [("desk", "card:ArrayUAC10"), ("door", "plughw:1,0"), ("hall", "fifo")], [ARRAY, HELD, FIFO], CARDS
    )
    assert chosen.lost == ()
    lines = table([ARRAY, HELD, FIFO], chosen).splitlines()
    assert lines[0] == "* usb:2886:0018"
    assert lines[4] == "    * the settings' microphones desk, door"
    assert lines[5] == "  usb:0d8c:0014"
    assert lines[-1] == "    * the settings' microphone hall"


def test_what_the_settings_choose_and_is_not_there_is_told_with_the_reason():
    chosen = choices([("desk", "usb:2886:0018"), ("door", "hw:CARD=gone")], [ARRAY], CARDS)
    text = table([ARRAY], chosen)
    assert "\n\nThe settings' microphone desk uses usb:2886:0018. There is no capture device\nusb:2886:0018;" in text
    assert "\n\nThe settings' microphone door uses hw:CARD=gone. It is not in this list." in text


def test_no_device_is_said_with_what_to_do():
    text = table([], Choices(lost=(("desk", "card:x", "It is not there."),)))
    assert text.startswith("There is no capture device.\n\nA USB microphone shows in 'lsusb'")
    for word in ("dtoverlay=", "usermod -aG audio", "microphone desk uses card:x. It is not there."):
        assert word in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_the_table_fits_80_columns_and_cuts_no_name():
    name = "hw:CARD=" + "x" * 80
    wide = Offer(tuple(range(8000, 96000, 4000)), tuple(range(1, 33, 2)), (S16, S24, S32))
    lines = table([Device(name, "ReSpeaker 4 Mic Array (UAC1.0), " * 3 + "y" * 90, wide, name)], NOTHING).splitlines()
    assert lines[0] == f"  {name}"
    assert "    " + "y" * 90 in lines
    assert all(len(line) <= WIDTH for line in lines if name not in line and "yyy" not in line)


def test_a_microphone_array_is_told_or_those_that_it_may_be():
    known = {"ArrayUAC10": ["respeaker-usb-4mic"], "Device": ["one", "other"]}
    chosen = choices([], [ARRAY, HELD, FIFO], CARDS, lambda card: known[card.id])
    lines = table([ARRAY, HELD, FIFO], chosen).splitlines()
    assert lines[3] == "    microphone array: 'respeaker-usb-4mic'"
    assert lines[8] == "    microphone array: 'one' or 'other'; only you can tell"
    assert sum("microphone array" in line for line in lines) == 2
    shown = as_json([ARRAY, HELD, FIFO], chosen)["devices"]
    assert [each["boards"] for each in shown] == [["respeaker-usb-4mic"], ["one", "other"], []]


def test_as_json_a_device_has_what_is_known():
    assert as_json([ARRAY], Choices({ARRAY.name: ("desk",)}, (("door", "card:x", "It is not there."),))) == {
        "devices": [
            {
                "token": "usb:2886:0018",
                "name": "hw:CARD=ArrayUAC10,DEV=0",
                "description": "USB Audio",
                "rates": (16000,),
                "channels": (6,),
                "formats": (S16,),
                "other_formats": ("S16_BE",),
                "in_use": False,
                "users": [],
                "microphones": ["desk"],
                "boards": [],
            }
        ],
        "lost": [{"microphone": "door", "alsa": "card:x", "detail": "It is not there."}],
    }


def test_as_json_a_device_in_use_has_its_users_and_one_that_does_not_open_its_trouble():
    held, busy, shut, shared = as_json([HELD, BUSY, SHUT, SHARED], NOTHING)["devices"]
    running = {"rate": 48000, "channels": 1, "format": "S16_LE"}
    assert held["users"] == [{"process": 7, "program": "edgetx", "running": running}]
    assert "rates" not in held
    assert (held["in_use"], busy["in_use"], shut["in_use"], shared["in_use"]) == (True, True, False, True)
    assert shut["trouble"].startswith("may not be opened")
    assert shared["users"] == [{}]
