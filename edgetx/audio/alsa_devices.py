"""Finds, asks and opens ALSA capture devices. DOOR alsaaudio, with `alsa`.

ALSA grants the *nearest* settings without a word and offers no way to ask before opening, so a device is opened as
wished, and what was granted is compared. Only if it differs is the device asked what it offers (a converting plugin
claims four thousand million channel counts, and asking one costs as many questions).
"""

import errno
import os
from dataclasses import replace
from typing import Any

import alsaaudio

from edgetx.audio.cards import Card, hardware_of, is_missing, resolve, stable_name
from edgetx.audio.devices import RATES, Device, Offer, choose, own_pcms, preferring, wished
from edgetx.audio.format import AudioFormat, SampleFormat
from edgetx.audio.occupancy import Substream, User
from edgetx.audio.sound_system import SOUND_SYSTEM, SoundSystem
from edgetx.audio.source import Forbidden
from edgetx.config import MAX_CHANNELS, AlsaSettings
from edgetx.errors import EdgetxError, Refused, TryAgain

PERIODS = 8

_ASKING_SECONDS = 0.1
_HIGHEST_HZ = 1_000_000


class Busy(TryAgain):
    """Another program has the device."""


def capture_devices(system: SoundSystem = SOUND_SYSTEM) -> list[Device]:
    """Return the cards' capture devices, then the user-space ones that open.

    Asking opens each for a moment, but for those that others have.
    """
    cards = system.cards()
    found = [_card_device(card, device, cards, system) for card in cards for device in sorted(card.captures)]
    asked = [(name, *_try_offer(name)) for name in _user_space()]
    return found + [Device(name, "", offer, name) for name, offer, trouble in asked if not trouble]


def capture_names(system: SoundSystem = SOUND_SYSTEM) -> list[str]:
    """Return the names of what seem to be capture devices, without opening any."""
    cards = system.cards()
    return [stable_name(card, device, cards) for card in cards for device in sorted(card.captures)] + _user_space()


def users_of(name: str, system: SoundSystem = SOUND_SYSTEM) -> tuple[User, ...]:
    """Return who has a card's device, by a name of ALSA's or a token; nobody where that is not known."""
    cards = system.cards()
    hardware = hardware_of(resolve(name, cards), cards)
    for card in cards:
        for device in card.captures:
            if card.hardware(device) == hardware:
                return _users(system.substreams(card.number, device), system)
    return ()


def every_channel(settings: AlsaSettings, system: SoundSystem = SOUND_SYSTEM) -> AlsaSettings:
    """Return ``settings`` with all channels that a card's device has, unless they say how many.

    What converts has as many as it is asked for, so there it stays as it is. Raise like `take`.
    """
    name = resolve(settings.alsa, system.cards())
    if settings.channels or not name.startswith("hw:"):
        return settings
    try:
        offer = _ask(name)
    except alsaaudio.ALSAAudioError as error:
        raise _ours(error, settings.alsa, system) from error
    return replace(settings, channels=min(max(offer.channels, default=1), MAX_CHANNELS))


def card_of(name: str, system: SoundSystem = SOUND_SYSTEM) -> Card | None:
    """Return the card that a name of ALSA's or a token leads to; None: to none, or to several.

    A name that does not say is opened for a moment. Raise like `take`.
    """
    cards = system.cards()
    hardware = hardware_of(resolve(name, cards), cards)
    for card in cards:
        if hardware in {card.hardware(device) for device in card.captures}:
            return card
    if is_missing(hardware, cards):
        raise _absent(name, system)
    try:
        number = _card_number(hardware)
    except alsaaudio.ALSAAudioError as error:
        raise _ours(error, name, system) from error
    return next((card for card in cards if card.number == number), None)


def take(
    settings: AlsaSettings, system: SoundSystem, period_seconds: float, *, prefer: AudioFormat | None = None
) -> tuple[Any, AudioFormat]:
    """Return the open device and its format: the wish if it is granted, else the best of what is offered.

    ``prefer``: what is preferred to 16 kHz mono where the settings leave it open. A token is looked up now. Raise
    TryAgain when the device is absent or busy, Refused when it does not do what is set.
    """
    cards = system.cards()
    name, wish = resolve(settings.alsa, cards), _wish(settings, prefer)
    if is_missing(name, cards):  # Asked for it, the library would write to standard error each time, for ever.
        raise _absent(settings.alsa, system)
    try:
        pcm = _open(name, wish, period_seconds)
        if _granted(pcm) == str(wish):
            return pcm, wish
        pcm.close()
        offer = _ask(name)
        best = choose(offer, preferring(offer, settings, prefer) if prefer else settings)
        pcm = _open(name, best, period_seconds)
    except alsaaudio.ALSAAudioError as error:
        raise _ours(error, settings.alsa, system) from error
    granted = _granted(pcm)
    if granted != str(best):
        pcm.close()
        raise Refused(f"The device {settings.alsa} offers {offer}, but not {best} together: it made {granted} of it.")
    return pcm, best


def reason(error: Exception) -> str:
    """Return what the library says, without the name of the device."""
    return str(error).rpartition(" [")[0]


def _wish(settings: AlsaSettings, prefer: AudioFormat | None) -> AudioFormat:
    if prefer is None:
        return wished(settings)
    form = prefer.sample_format
    return wished(settings, prefer.rate, channels=prefer.channels, sample_format=form)


def _card_number(name: str) -> int:
    """Return the number of the card behind a device; negative if there is none."""
    pcm = _open(name, wished(AlsaSettings(name)), _ASKING_SECONDS)
    try:
        return int(pcm.info()["card_no"])
    finally:
        pcm.close()


def _user_space() -> list[str]:
    return own_pcms(alsaaudio.pcms(alsaaudio.PCM_CAPTURE))


def _card_device(card: Card, device: int, cards: list[Card], system: SoundSystem) -> Device:
    substreams = system.substreams(card.number, device)
    is_taken = bool(substreams) and all(each.owner is not None for each in substreams)
    name = card.hardware(device)
    offer, trouble = (None, "") if is_taken else _try_offer(name)
    return Device(
        name,
        card.captures[device],
        offer,
        stable_name(card, device, cards),
        users=_users(substreams, system),
        trouble=trouble,
    )


def _users(substreams: list[Substream], system: SoundSystem) -> tuple[User, ...]:
    return tuple(
        User(*system.process_of(each.owner) if each.owner else (0, ""), each.running)
        for each in substreams
        if each.owner is not None
    )


def _try_offer(name: str) -> tuple[Offer | None, str]:
    """Return what a device offers, or what keeps it from being asked; neither when it is in use."""
    try:
        return _ask(name), ""
    except alsaaudio.ALSAAudioError as error:
        if _is(error, errno.EBUSY):
            return None, ""
        if _is(error, errno.EACCES, errno.EPERM):
            return None, "may not be opened: add the user to the group 'audio'"
        return None, f"cannot be opened: {reason(error)}"


def _open(name: str, form: AudioFormat, period_seconds: float) -> Any:
    return alsaaudio.PCM(
        alsaaudio.PCM_CAPTURE,
        alsaaudio.PCM_NONBLOCK,
        device=name,
        rate=form.rate,
        channels=form.channels,
        format=getattr(alsaaudio, f"PCM_FORMAT_{form.sample_format}"),
        periodsize=round(period_seconds * form.rate),
        periods=PERIODS,
    )


def _granted(pcm: Any) -> str:
    """Return the format that ``pcm`` runs in, in the notation of `AudioFormat`: it may be one that we do not read."""
    info = pcm.info()
    return f"{info['rate']}:{info['format_name']}:{info['channels']}"


def _ask(name: str) -> Offer:
    pcm = _open(name, wished(AlsaSettings(name)), _ASKING_SECONDS)
    try:
        return _offer(pcm)
    finally:
        pcm.close()


def _offer(pcm: Any) -> Offer:
    lowest, highest = pcm.getratebounds()
    rates = pcm.getrates()  # One number, a tuple for a range, a list of the well-known ones.
    channels = pcm.getchannels() if highest <= _HIGHEST_HZ else _fixed_channels(pcm)
    known = {rates} if isinstance(rates, int) else set(RATES if isinstance(rates, tuple) else rates)
    formats = pcm.getformats()
    return Offer(
        rates=tuple(sorted(rate for rate in known if lowest <= rate <= highest)),
        channels=tuple(channels),
        formats=tuple(form for form in SampleFormat if form in formats),
        others=tuple(sorted(set(formats) - set(SampleFormat))),
    )


def _fixed_channels(pcm: Any) -> list[int]:
    """Return what a converter of rates made of the wish for one channel, unless it granted that."""
    channels = pcm.info()["channels"]
    return [] if channels == 1 else [channels]


def _ours(error: Exception, name: str, system: SoundSystem) -> EdgetxError:
    if _is(error, errno.EBUSY):
        users = " and ".join(str(user) for user in users_of(name, system)) or "another program"
        return Busy(f"The capture device {name} is in use by {users}.")
    if _is(error, errno.EACCES, errno.EPERM):
        return Forbidden(f"The capture device {name} may not be opened: add the user to the group 'audio'.")
    if _is(error, errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return _absent(name, system)
    return TryAgain(f"The capture device {name} cannot be opened: {reason(error)}.")


def _absent(name: str, system: SoundSystem) -> TryAgain:
    there = ", ".join(capture_names(system))
    return TryAgain(f"There is no capture device {name}; there {f'are: {there}' if there else 'is none'}.")


def _is(error: Exception, *codes: int) -> bool:
    """Tell errors apart: pyalsaaudio hands on nothing but the C library's text for the number."""
    return reason(error) in [os.strerror(code) for code in codes]
