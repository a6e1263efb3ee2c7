"""What capture devices there are, what they offer, and which of it suits 16 kHz mono best. Pure; `alsa` asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgetx.audio.format import RATE, AudioFormat, SampleFormat
from edgetx.audio.occupancy import User
from edgetx.config import AlsaSettings
from edgetx.errors import Refused

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
"""Hz that the front end takes and that sound cards have."""

PLUGINS = frozenset(
    ("null", "lavrate", "samplerate", "speexrate", "speex", "upmix", "vdownmix", "jack", "oss", "usbstream")
)
"""Names that ALSA's own configuration lists for capture although they are converters, or lead to none."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device can do: rates in Hz, channel counts (none: any, it converts), sample formats that edgetx reads.

    ``others``: ALSA's names of the formats that it has besides.
    """

    rates: tuple[int, ...]
    channels: tuple[int, ...]
    formats: tuple[SampleFormat, ...]
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        formats = _list(str(form) for form in self.formats)
        return f"{_list(map(str, self.rates))} Hz, {counts(self.channels)} channels, {formats or 'no usable format'}"


@dataclass(frozen=True, slots=True)
class Device:
    """A capture device by ALSA's name for it.

    ``token``: what settings best call it. ``offer`` is None when it could not be asked: other programs have it
    (``users``, as far as they are known), or it does not open, and ``trouble`` says why.
    """

    name: str
    description: str
    offer: Offer | None
    token: str
    users: tuple[User, ...] = ()
    trouble: str = ""


def choose(offer: Offer, settings: AlsaSettings) -> AudioFormat:
    """Return the format to ask for: what is set, and where nothing is set, what suits 16 kHz mono best.

    That is 16 kHz, else the next rate above, else the highest; one channel, else the fewest; S16_LE, else S32_LE, else
    S24_3LE. Raise Refused when the device does not offer it.
    """
    _demand(settings, "sample_rate", offer, offered=offer.rates)
    _demand(settings, "channels", offer, offered=offer.channels or (settings.channels,))
    _demand(settings, "format", offer, offered=offer.formats)
    if not offer.rates or not offer.formats:
        raise Refused(_refusal(settings, "has no rate or sample format that can be used", offer))
    rate = min((rate for rate in offer.rates if rate >= RATE), default=max(offer.rates))
    return wished(settings, rate, channels=min(offer.channels, default=1), sample_format=_best(offer.formats))


def wished(
    settings: AlsaSettings,
    rate: int = RATE,
    *,
    channels: int = 1,
    sample_format: SampleFormat = SampleFormat.S16_LE,
) -> AudioFormat:
    """Return what ``settings`` ask for, completed by the rest."""
    return AudioFormat(
        settings.sample_rate or rate,
        settings.channels or channels,
        SampleFormat(settings.format) if settings.format else sample_format,
    )


def preferring(offer: Offer, settings: AlsaSettings, form: AudioFormat) -> AlsaSettings:
    """Return ``settings`` with that of ``form`` which they leave open and the device offers; more channels will do."""
    channels = next((number for number in offer.channels if number >= form.channels), None)
    return replace(
        settings,
        sample_rate=settings.sample_rate or (form.rate if form.rate in offer.rates else None),
        channels=settings.channels or (channels if offer.channels else form.channels),
        format=settings.format or (form.sample_format.value if form.sample_format in offer.formats else None),
    )


def own_pcms(hints: Iterable[str]) -> list[str]:
    """Return those of ALSA's hinted names that stand for something of their own: no plugin, no card by another name."""
    return [name for name in hints if ":" not in name and name not in PLUGINS]


def counts(numbers: Sequence[int]) -> str:
    """Return ascending numbers as people write them: ``1-8, 16``; ``any`` when there are none."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) or "any"


def _best(formats: Sequence[SampleFormat]) -> SampleFormat:
    order = (SampleFormat.S16_LE, SampleFormat.S32_LE, SampleFormat.S24_3LE)
    return min(formats, key=order.index)


def _demand(settings: AlsaSettings, name: str, offer: Offer, *, offered: Sequence[object]) -> None:
    wanted = getattr(settings, name)
    if wanted is not None and wanted not in offered:
        raise Refused(_refusal(settings, f"does not do {name} {wanted}", offer))


def _refusal(settings: AlsaSettings, what: str, offer: Offer) -> str:
    return f"The device {settings.alsa} {what}; it offers {offer}."


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
