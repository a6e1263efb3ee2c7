import pytest

from edgetx.health import Health


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock=clock)


def test_before_anyone_reported_all_is_well(health):
    assert health.verdict == "running"
    assert health.stages() == {}
    assert health.sentence == "Running: starting."


def test_the_worst_part_speaks_for_its_stage_and_for_the_verdict(health):
    health.report("audio", "desk", status="running", detail="16000:S16_LE:1")
    health.report("audio", "hall", status="absent", detail="There is no hall.")
    health.report("mqtt", "broker", status="connected")
    assert health.verdict == "degraded"
    assert health.stages() == {
        "mqtt": {"status": "connected"},
        "audio": {"status": "absent", "detail": "There is no hall."},
    }
    assert health.sentence == "Degraded: audio absent, mqtt connected. There is no hall."


def test_a_stalled_part_makes_the_daemon_stalled(health):
    health.report("audio", "desk", status="stalled")
    health.report("mqtt", "broker", status="waiting")
    assert health.verdict == "stalled"


def test_a_provider_s_words_cannot_begin_a_line_of_their_own(health):
    health.report("speech", "aai for desk", status="waiting", detail="bad\nSTOPPING=1\r\nMAINPID=1")
    assert health.sentence == "Degraded: speech waiting. bad STOPPING=1 MAINPID=1"


def test_only_a_change_is_a_change(health):
    assert health.report("mqtt", "broker", status="connecting")
    assert not health.report("mqtt", "broker", status="connecting")
    assert health.report("mqtt", "broker", status="connecting", detail="why")


def test_a_part_that_is_forgotten_counts_no_more(health):
    health.report("audio", "desk", status="absent", detail="There is no desk.")
    changes = health.changes
    health.forget("audio", "desk")
    health.forget("audio", "desk")
    assert (health.verdict, health.stages(), health.changes) == ("running", {}, changes + 1)


def test_the_sentence_has_the_words_of_every_stage_in_trouble(health):
    health.report("mqtt", "broker", status="waiting", detail="Nobody answers.")
    health.report("settings", "file", status="refused", detail="a.yaml:3: wrong.")
    assert health.sentence == "Degraded: mqtt waiting, settings refused. Nobody answers. a.yaml:3: wrong."


def test_a_capture_moved_when_it_said_so_last(health, clock):
    assert health.moved_at("desk") == float("-inf")
    health.progress("desk")
    then = clock.now
    clock.now += 1
    assert health.moved_at("desk") == then


@pytest.mark.parametrize("status", ["opening", "running", "silent", "stalled", "absent", "error"])
def test_a_capture_that_neither_brings_sound_nor_looks_for_its_device_starves_the_watchdog(health, clock, status):
    health.report("audio", "desk", status=status)
    fed = clock.now
    assert not health.progressed_since(fed)
    clock.now += 1
    health.progress("desk")
    assert health.progressed_since(fed)


@pytest.mark.parametrize("status", ["ended", "muted", "stopped"])
def test_a_capture_at_rest_is_no_hang(health, clock, status):
    health.report("audio", "desk", status=status)
    assert health.progressed_since(clock.now)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("muted", "running"), ("silent", "degraded"), ("absent", "degraded"), ("error", "degraded")],
)
def test_what_a_capture_says_of_itself_is_judged(health, status, verdict):
    health.report("audio", "desk", status=status)
    assert health.verdict == verdict


def test_one_stuck_capture_of_two_starves_the_watchdog(health, clock):
    for name in ("desk", "hall"):
        health.report("audio", name, status="running")
    fed = clock.now
    clock.now += 1
    health.progress("desk")
    assert not health.progressed_since(fed)


def test_other_stages_do_not_feed_or_starve(health, clock):
    health.report("mqtt", "broker", status="running")
    assert health.progressed_since(clock.now)
