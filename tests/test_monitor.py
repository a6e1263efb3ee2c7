import asyncio
from datetime import UTC, datetime

import pytest

from edgetx.audio.format import Gap
from edgetx.audio.heard import Bearing, Remark
from edgetx.audio.log import AudioLog
from edgetx.health import Health
from edgetx.microphone import RETURN_SECONDS, MicrophoneState
from edgetx.monitor import HEALTH_SECONDS, TICK_SECONDS, Monitor
from edgetx.speech.account import Account
from edgetx.speech.events import MicrophoneEvent
from edgetx.speech.ledger import Fate
from edgetx.speech.timeline import Timeline
from tests.rigs.story import until

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Desk:
    """A monitor over one microphone, with a clock that is set by hand."""

    def __init__(self, *, begun: bool = True) -> None:
        self.now = 100.0
        self.told: list[str] = []
        self.states: list[dict] = []
        self.verdicts: list[str] = []
        self.events: list[MicrophoneEvent] = []
        self.health = Health(clock=lambda: self.now)
        self.state = MicrophoneState(
            name="desk",
            log=AudioLog(keep_seconds=10),
            account=Account(
                timeline=Timeline(monotonic=lambda: self.now, wall=NOON.timestamp),
                deliver=self.events.append,
                new_id=lambda: "id",
                clock_synced=lambda: True,
                provider="aai",
            ),
            health=self.health,
            publish_fields=self.states.append,
            log_line=lambda _line: None,
        )
        self.monitor = Monitor(
            health=self.health,
            microphones=lambda: {"desk": self.state},
            publish_health=lambda fields: self.verdicts.append(fields["verdict"]),
            notify=self.told.append,
            watchdog_seconds=4.0,
            clock=lambda: self.now,
        )
        self.monitor._fed = self.now
        self.state.begin()
        if begun:
            self.state.capture_is("running", "")
        self.state.provider_is("ready", "")

    def tick(self, *, sound: bool) -> list[str]:
        """Let a second pass; return what systemd was told, but for the status."""
        self.now += 0.99
        if sound:
            self.health.progress("desk")
            self.state.log.heard_at = self.now
        self.now += 0.01
        before = len(self.told)
        self.monitor.tick()
        return [line for line in self.told[before:] if not line.startswith("STATUS=")]

    def changes(self) -> list[tuple[str, str]]:
        """The events: what it was before, what it is."""
        return [(event.data["before"], event.data["state"]) for event in self.events if event.name == "capture"]


@pytest.fixture
def desk():
    return Desk()


def test_the_watchdog_is_fed_while_sound_comes(desk):
    assert [desk.tick(sound=True) for _ in range(3)] == [["WATCHDOG=1"]] * 3


def test_without_sound_it_starves_and_the_microphone_is_stalled(desk):
    desk.tick(sound=True)
    assert [desk.tick(sound=False) for _ in range(5)] == [[]] * 5
    assert desk.states[-1]["capture"] == "stalled"
    assert desk.verdicts[-1] == "stalled"
    assert desk.told[-1].startswith("STATUS=Stalled: ")


def test_when_sound_comes_back_all_is_well_again(desk):
    for sound in (True, False, False):
        desk.tick(sound=sound)
    assert desk.tick(sound=True) == ["WATCHDOG=1"]
    assert desk.states[-1]["capture"] == "running"
    assert desk.verdicts[-1] == "running"


@pytest.mark.parametrize("since_a_look", [0.0, 0.05, 0.7, 1.6])
def test_a_stall_is_noticed_within_two_seconds_of_the_last_sound_whenever_that_came(desk, since_a_look):
    desk.state.log.heard_at = desk.now
    again_at = desk.now + desk.monitor.tick()
    last = desk.state.log.heard_at = desk.now + min(since_a_look, again_at - desk.now)
    while desk.states[-1]["capture"] == "running":
        desk.now = again_at
        again_at += desk.monitor.tick()
    assert 1 < desk.now - last < 2 - 0.2  # The loop may be late.


def test_while_sound_comes_it_looks_less_than_once_in_one_and_a_half_seconds(desk):
    looks, again_at, end = 0, desk.now, desk.now + 60
    desk.monitor.watchdog_seconds = 30.0
    while desk.now < end:
        desk.now += 0.1
        desk.state.log.heard_at = desk.now
        if desk.now >= again_at:
            looks += 1
            again_at = desk.now + desk.monitor.tick()
    assert looks <= 40
    assert {state["capture"] for state in desk.states} <= {"opening", "running"}


def test_the_microphone_that_would_be_stalled_first_says_when_to_look_again(desk):
    hall = Desk().state
    hall.begin()
    hall.capture_is("running", "")
    desk.monitor.microphones = lambda: {"desk": desk.state, "hall": hall}
    desk.monitor.watchdog_seconds = None
    desk.state.log.heard_at, hall.log.heard_at = desk.now, desk.now - 1
    assert desk.monitor.tick() == pytest.approx(TICK_SECONDS - 1)


def test_a_stalled_microphone_is_looked_at_more_often_until_it_is_back(desk):
    desk.monitor.watchdog_seconds = None
    assert desk.monitor.tick() == pytest.approx(RETURN_SECONDS)
    assert desk.states[-1]["capture"] == "stalled"
    desk.state.log.heard_at = desk.now
    assert desk.monitor.tick() == pytest.approx(TICK_SECONDS)
    assert desk.states[-1]["capture"] == "running"


def test_a_watchdog_that_is_in_a_hurry_is_looked_after_in_time(desk):
    desk.state.log.heard_at = desk.now
    desk.monitor.watchdog_seconds = 2.0
    assert desk.monitor.tick() == pytest.approx(0.5)


def test_a_reader_that_is_stuck_is_an_event_once_and_its_return_is(desk):
    for sound in (True, False, False, False, True, True):
        desk.tick(sound=sound)
    assert desk.changes() == [("running", "stalled"), ("stalled", "running")]
    assert desk.events[0].data["detail"] == "The device is open but delivers no sound."
    assert "detail" not in desk.events[1].data


def test_a_stall_that_capture_finds_itself_is_the_same_stall_and_lasts_until_there_is_sound(desk):
    for sound in (True, False):
        desk.tick(sound=sound)
    desk.state.capture_is("stalled", "The capture device hw:0 is open but delivers no sound.")
    for _ in range(3):
        assert desk.tick(sound=True) == ["WATCHDOG=1"]  # Another attempt to open it.
        assert desk.states[-1]["capture"] == "stalled"
    desk.state.capture_is("running", "16000:S16_LE:1")
    assert desk.changes() == [("running", "stalled"), ("stalled", "running")]


def test_a_silent_microphone_is_told_and_may_be_stuck_as_well(desk):
    desk.state.capture_is("silent", "The device delivers nothing but the value 0.")
    assert desk.tick(sound=True) == ["WATCHDOG=1"]
    assert desk.verdicts[-1] == "degraded"
    desk.tick(sound=False)
    desk.tick(sound=False)
    desk.tick(sound=True)
    assert desk.changes() == [("running", "silent"), ("silent", "stalled"), ("stalled", "silent")]
    assert desk.states[-1]["detail"] == "The device delivers nothing but the value 0."


def test_a_start_and_a_stop_are_no_events_and_a_missing_device_is_one_from_the_beginning():
    desk = Desk(begun=False)
    desk.state.capture_is("absent", "There is no such device.")
    desk.state.capture_is("absent", "There is still none.")
    desk.state.capture_is("running", "16000:S16_LE:1")
    desk.state.capture_is("stopped", "")
    desk.state.close_account()
    desk.state.capture_is("absent", "It hung, and is late.")
    assert desk.changes() == [("opening", "absent"), ("absent", "running")]


def test_what_a_capture_that_hung_finds_to_be_speech_is_not_told_once_the_account_is_closed(desk):
    desk.state.spoke(0, None)
    desk.state.close_account()
    desk.state.spoke(0, 16_000)
    told = [event.name for event in desk.events if event.name.startswith("speech_")]
    assert told == ["speech_started"]


def test_a_muted_microphone_is_shown_feeds_the_watchdog_and_is_an_event(desk):
    desk.state.mute(True)
    assert (desk.states[-1]["capture"], desk.states[-1]["muted"]) == ("running", True)
    told = len(desk.states)
    desk.state.mute(True)
    assert len(desk.states) == told
    desk.state.capture_is("muted", "")
    assert [desk.tick(sound=False) for _ in range(4)] == [["WATCHDOG=1"]] * 4
    assert (desk.states[-1]["capture"], desk.states[-1]["muted"]) == ("muted", True)
    assert desk.verdicts[-1] == "running"
    desk.state.mute(False)
    desk.state.capture_is("opening", "")
    desk.state.capture_is("running", "16000:S16_LE:1")
    assert desk.changes() == [("running", "muted"), ("muted", "running")]
    desk.state.close_account()
    told = len(desk.states)
    desk.state.mute(True)
    assert len(desk.states) == told


def test_a_device_that_is_looked_for_feeds_it_and_one_that_is_stuck_in_opening_does_not(desk):
    desk.state.capture_is("absent", "There is no such device.")
    assert desk.tick(sound=True) == ["WATCHDOG=1"]  # Another attempt was made.
    assert desk.tick(sound=False) == []
    assert desk.states[-1]["capture"] == "absent"


def test_health_is_published_on_change_and_every_minute(desk):
    desk.tick(sound=True)
    published = len(desk.verdicts)
    for _ in range(round(HEALTH_SECONDS) + 1):
        desk.tick(sound=True)
    assert len(desk.verdicts) == published + 1
    desk.state.provider_is("waiting", "Nobody answers.")
    desk.tick(sound=True)
    assert desk.verdicts[-1] == "degraded"
    assert desk.told[-1] == "STATUS=Degraded: audio running, speech waiting. Nobody answers."


def test_where_systemd_wants_no_sign_of_life_it_gets_none(desk):
    desk.monitor.watchdog_seconds = None
    assert desk.tick(sound=True) == []


def test_it_ticks_at_once_and_again_and_stops_when_it_is_cancelled():
    desk = Desk()

    desk.health.progress("desk")

    async def story() -> None:
        running = asyncio.ensure_future(desk.monitor.run())
        await until(lambda: desk.verdicts)
        desk.state.provider_is("waiting", "The network is away.")
        await until(lambda: len(desk.verdicts) == 2)
        running.cancel()
        await asyncio.wait((running,))
        assert desk.monitor._timer.cancelled()

    asyncio.run(story())
    assert desk.told[0] == "READY=1"
    assert desk.verdicts == ["running", "degraded"]


def test_a_tick_that_fails_is_the_loops_affair_which_the_supervisor_looks_after():
    desk = Desk()

    async def story() -> list[str]:
        caught: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: caught.append(context["message"]))
        running = asyncio.ensure_future(desk.monitor.run())
        await until(lambda: desk.verdicts)
        desk.monitor.microphones = [None]
        await until(lambda: caught)
        running.cancel()
        await asyncio.wait((running,))
        return caught

    assert len(asyncio.run(story())) == 1


def test_what_is_told_on_demand_is_told_although_nothing_changed():
    desk = Desk()
    desk.tick(sound=True)
    states, verdicts, told = len(desk.states), len(desk.verdicts), len(desk.told)
    desk.monitor.tell()
    assert len(desk.states) == states + 1
    assert len(desk.verdicts) == verdicts + 1
    assert desk.told[told:] == [f"STATUS={desk.health.sentence}"]


def test_a_microphone_that_is_closed_is_deaf_to_its_capture_and_leaves_the_health():
    desk = Desk()
    desk.state.close_account()
    told = len(desk.states)
    desk.state.leave()
    desk.state.capture_is("absent", "It hung, and is late.")
    desk.state.provider_is("waiting", "Late as well.")
    desk.state.lost(Gap(0, 100, "device"))
    assert desk.health.stages() == {}
    assert len(desk.states) == told
    assert desk.state.account.ledger.settled[Fate.LOST] == 0


def test_what_an_array_tells_of_its_channels_are_events_and_of_talkers_goes_to_the_account(desk):
    lines: list[str] = []
    desk.state.log_line = lines.append
    ill, well = Remark(2, "dead", "Channel 2 is dead."), Remark(2, "", "Channel 2 is well again.")
    desk.state.heard([Bearing(0, 2048, 90.0, 0.9)], [ill, well])
    assert [(event.name, event.data) for event in desk.events] == [
        ("channel", {"channel": 2, "detail": "Channel 2 is dead.", "fault": "dead"}),
        ("channel", {"channel": 2, "detail": "Channel 2 is well again."}),
    ]
    assert lines == ["desk: Channel 2 is dead.", "desk: Channel 2 is well again."]
    assert desk.state.account.directions.of(0, 2048).azimuth_deg == 90
    desk.state.close_account()
    desk.state.heard([], [ill])
    assert len(desk.events) == 2
