"""Says what udev says: messages as systemd's device_monitor_send_device makes them, multicast on this machine.

Only root may; who may not gets a PermissionError.
"""

import socket
import struct
from collections.abc import Mapping

UDEV_GROUP = 2
KOBJECT_UEVENT = 15

CARD = {
    "ACTION": "change",
    "DEVPATH": "/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/sound/card1",
    "SUBSYSTEM": "sound",
    "SOUND_INITIALIZED": "1",
    "ID_MODEL": "ReSpeaker_4_Mic_Array__UAC1.0_",
    "SEQNUM": "4711",
}
"""Of a sound card that is ready for use."""


def message(properties: Mapping[str, str]) -> bytes:
    """The message for a device with these ``properties``; the hashes, for filters in the kernel, are 0."""
    text = b"".join(f"{name}={value}".encode() + b"\0" for name, value in properties.items())
    header = b"libudev\0" + struct.pack(">I", 0xFEEDCAFE) + struct.pack("=7I", 40, 40, len(text), 0, 0, 0, 0)
    return header + text


def say(data: bytes, *, group: int = UDEV_GROUP) -> None:
    """Multicast ``data`` to everyone who listens to udev."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, KOBJECT_UEVENT) as sender:
        sender.sendto(data, (0, group))
