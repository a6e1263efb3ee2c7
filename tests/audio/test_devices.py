import pytest

from edgetx.audio.devices import Offer, choose, counts, own_pcms, preferring
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.config import AlsaSettings
from edgetx.errors import Refused

S16, S24, S32 = SampleFormat.S16_LE, SampleFormat.S24_3LE, SampleFormat.S32_LE
ARRAY = Offer((16000,), (6,), (S16,))
I2S = Offer((44100, 48000, 96000), (2, 4), (S32,))


@pytest.mark.parametrize(
    ("offer", "chosen"),
    [
        (Offer((8000, 16000, 48000), (1, 2), (S16, S24, S32)), "16000:S16_LE:1"),
        (ARRAY, "16000:S16_LE:6"),
        (I2S, "44100:S32_LE:2"),
        (Offer((8000, 11025), (), (S24, S32)), "11025:S32_LE:1"),
        (Offer((48000, 96000), (2,), (S24,)), "48000:S24_3LE:2"),
    ],
)
def test_what_is_not_set_is_chosen_to_suit_16_khz_mono(offer, chosen):
    assert str(choose(offer, AlsaSettings())) == chosen


def test_what_is_set_is_taken():
    settings = AlsaSettings("hw:0", sample_rate=96000, channels=4, format="S32_LE")
    assert str(choose(I2S, settings)) == "96000:S32_LE:4"
    assert choose(Offer((48000,), (), (S16,)), AlsaSettings(channels=3)).channels == 3


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (AlsaSettings("hw:0", sample_rate=16000), "does not do sample_rate 16000"),
        (AlsaSettings("hw:0", channels=1), "does not do channels 1"),
        (AlsaSettings("hw:0", format="S16_LE"), "does not do format S16_LE"),
    ],
)
def test_what_is_set_but_not_offered_is_refused_with_the_offer(settings, fault):
    with pytest.raises(Refused) as caught:
        choose(I2S, settings)
    assert str(caught.value) == f"The device hw:0 {fault}; it offers 44100, 48000, 96000 Hz, 2, 4 channels, S32_LE."


@pytest.mark.parametrize(
    ("offer", "settings", "chosen"),
    [
        (Offer((16000, 48000), (1, 2, 8), (S16, S32)), AlsaSettings(), "48000:S32_LE:8"),
        (Offer((16000, 48000), (1, 2, 8), (S16, S32)), AlsaSettings(format="S16_LE", channels=2), "48000:S16_LE:2"),
        (Offer((16000,), (1, 2, 10, 12), (S16,)), AlsaSettings(), "16000:S16_LE:10"),
        (Offer((16000,), (1, 2), (S16,)), AlsaSettings(), "16000:S16_LE:1"),
        (Offer((16000, 48000), (), (S16,)), AlsaSettings(sample_rate=16000), "16000:S16_LE:8"),
    ],
)
def test_a_preferred_format_is_chosen_as_far_as_it_is_offered_and_the_settings_leave_it_open(offer, settings, chosen):
    preferred = AudioFormat(48000, 8, S32)
    assert str(choose(offer, preferring(offer, settings, preferred))) == chosen


def test_a_device_with_nothing_usable_is_refused():
    with pytest.raises(Refused, match=r"no rate or sample format that can be used.*no usable format"):
        choose(Offer((48000,), (1,), ()), AlsaSettings())


def test_other_names_of_cards_and_plugins_are_left_out():
    hints = ["null", "default", "sysdefault:CARD=wm8960", "lavrate", "pulse", "kitchen"]
    assert own_pcms(hints) == ["default", "pulse", "kitchen"]


def test_counts_read_as_people_write_them():
    assert counts([1, 2, 3, 4, 8]) == "1-4, 8"
    assert counts([]) == "any"
