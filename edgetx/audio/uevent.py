"""What udev multicasts when a device came, changed or went: read just far enough to know a sound card that is ready.

The format is systemd's (struct monitor_netlink_header and device_monitor_receive_device in
src/libsystemd/sd-device/device-monitor.c): a header of which the magic is in network order and the rest in the
machine's, and properties, ``KEY=value`` each ended by a zero byte. A card is announced by ``add`` while udev's rules
still run; when its devices are there with their rights, 78-sound-card.rules makes a ``change`` with
``SOUND_INITIALIZED=1`` of it. Pure.
"""

import struct

MAX_BYTES = 8192
"""What systemd's own receiver takes."""

_PREFIX = b"libudev\0"
_MAGIC = 0xFEEDCAFE
_HEADER = struct.Struct("=8s4s3I")
"""prefix, magic, header_size, properties_off, properties_len; hashes for filters in the kernel follow."""

_READY = {b"ACTION=change", b"SUBSYSTEM=sound", b"SOUND_INITIALIZED=1"}


def announces_sound(message: bytes) -> bool:
    """Return whether ``message``, which may be anything, is udev's word that a sound card is ready for use."""
    if len(message) < _HEADER.size:
        return False
    prefix, magic, _, start, length = _HEADER.unpack_from(message)
    if prefix != _PREFIX or int.from_bytes(magic, "big") != _MAGIC or start + length > len(message):
        return False
    return _READY.issubset(message[start : start + length].split(b"\0"))
