"""What is said of channels."""

from edgetx.audio.channels import Channel, Fault
from edgetx.doctor.sound import judge


def channel(n: int, *faults: Fault, rms: float = -40.0, other: int | None = None) -> Channel:
    return Channel(
        n,
        rms_dbfs=rms,
        peak_dbfs=rms + 20,
        centre=0.021,
        clipped=0.034,
        faults=faults,
        other=other,
        below_db=38.4,
        late_ms=2.5,
    )


def told(*channels: Channel, listened: range = range(1)) -> list[tuple[str, str, str]]:
    findings = judge("microphone desk", channels, listened, "16000:S16_LE:6")
    assert {finding.stage for finding in findings} == {"microphone desk"}
    return [(finding.name, finding.verdict, finding.text) for finding in findings]


LEVEL = ("sound", "ok", "Sound comes (16000:S16_LE:6): -40 dBFS, peak -20.")


def test_one_that_is_well():
    assert told(channel(0)) == [LEVEL]


def test_several_that_are_well():
    alive = ("channels", "ok", "The 2 channels are alive, and none is another's copy or inverse.")
    assert told(channel(0), channel(1)) == [LEVEL, alive]


def test_levels_that_nobody_can_use():
    ((_, faint, said), *_) = told(channel(0, rms=-80))
    assert (faint, said.endswith("next to nothing.")) == ("warning", True)
    ((_, loud, said), *_) = told(channel(0, rms=-3))
    assert (loud, said.endswith("too loud.")) == ("warning", True)


def test_each_fault_in_words_those_of_a_kind_together():
    found = told(
        channel(0),
        channel(1, Fault.DEAD),
        channel(2, Fault.DEAD),
        channel(3, Fault.TWIN, other=0),
        channel(4, Fault.INVERTED, Fault.OFF_CENTRE, other=0),
        channel(5, Fault.WEAK, Fault.CLIPPING),
        channel(6, Fault.DELAYED, other=0),
    )
    assert found[1:] == [
        ("dead", "warning", "Each of the channels 1 and 2 delivers one value only."),
        ("weak", "warning", "Channel 5 is 38 dB below the others."),
        ("twin", "warning", "Channel 3 is the same sound as channel 0."),
        ("inverted", "warning", "Channel 4 is inverted against channel 0."),
        ("delayed", "warning", "Channel 6 lags +2.5 ms behind channel 0."),
        ("clipping", "warning", "Channel 5 clips (3.4% of the samples)."),
        ("off centre", "warning", "Channel 4 is off centre by +2.1% of full scale."),
    ]


def test_what_is_listened_to_must_be_alive():
    dead = channel(0, Fault.DEAD)
    assert told(dead, channel(1))[1][:2] == ("dead", "FAILED")
    assert told(dead, channel(1), listened=range(1, 2))[1][:2] == ("dead", "warning")
    assert told(dead, channel(1), listened=range(64))[1][:2] == ("dead", "warning")
    assert told(channel(0), channel(1, Fault.DEAD))[1][:2] == ("dead", "warning")


def test_a_channel_that_is_not_there():
    ((_, verdict, said), _) = told(channel(0), channel(1), listened=range(4, 5))
    assert verdict == "FAILED"
    assert "it has 2 channels, none of them the one that is listened to" in said
