"""Which microphones the kernel offers, read from /proc/asound, and which of them the configuration means.

Only reads: it opens no device, so that looking neither takes a microphone away nor makes ALSA's library complain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from device.hardware.ports import MicrophoneFault

ASOUND = Path("/proc/asound")
_CARD = re.compile(r"CARD=([^,]+)")


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """One device that can be recorded from: its card's id and number, the device's number, what it is called."""

    card: str
    card_number: int
    device: int
    name: str
    is_usb: bool

    @property
    def alsa_name(self) -> str:
        """The name by which ALSA opens it, with conversion of rate and channels in its plug layer."""
        return f"plughw:CARD={self.card},DEV={self.device}"

    @property
    def description(self) -> str:
        """Words for people: what it is, and the id to write into the configuration."""
        return f"{self.name} ({'USB ' if self.is_usb else ''}card {self.card!r})"


def list_microphones(asound: Path = ASOUND) -> tuple[CaptureDevice, ...]:
    """List what can be recorded from, USB first, then by number.

    A card that is pulled while it is read is left out.
    """
    found = [
        device
        for stream in asound.glob("card[0-9]*/pcm[0-9]*c")
        if (device := _describe(stream.parent, stream)) is not None
    ]
    return tuple(sorted(found, key=lambda each: (not each.is_usb, each.card_number, each.device)))


def find_microphone(asound: Path = ASOUND) -> CaptureDevice | None:
    """Find the USB microphone that is there, or None.

    Never a card that is not USB: that would be an HDMI port, or a sound chip to which no microphone is connected.
    """
    return next((each for each in list_microphones(asound) if each.is_usb), None)


def is_listed(alsa_name: str, asound: Path = ASOUND) -> bool:
    """Whether the card that an ALSA name speaks of (`CARD=…`) can be recorded from; True when it names none."""
    named = _CARD.search(alsa_name)
    if named is None:
        return True
    return any(named[1] in (each.card, str(each.card_number)) for each in list_microphones(asound))


def choose_device(wanted: str | None, asound: Path = ASOUND) -> str:
    """Give the ALSA name of the microphone `wanted`, None for the USB one that is there.

    Raises MicrophoneFault that says what is there instead.
    """
    if wanted is not None:
        if not is_listed(wanted, asound):
            raise MicrophoneFault(f"{wanted}: {asound} lists no such card; plug it in, or correct [microphone] device")
        return wanted
    found = find_microphone(asound)
    if found is None:
        others = ", ".join(each.description for each in list_microphones(asound)) or "none at all"
        raise MicrophoneFault(f"{asound} lists no USB microphone ({others}); plug one in")
    return found.alsa_name


def _describe(card: Path, stream: Path) -> CaptureDevice | None:
    try:
        return CaptureDevice(
            card=(card / "id").read_text("utf-8").strip(),
            card_number=int(card.name.removeprefix("card")),
            device=int(stream.name.removeprefix("pcm").removesuffix("c")),
            name=_name_of(stream),
            is_usb=(card / "usbid").exists(),
        )
    except (OSError, ValueError):
        return None


def _name_of(stream: Path) -> str:
    """Give the device's name from its `info`: lines of `key: value`."""
    for line in (stream / "info").read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition(": ")
        if key == "name" and value.strip():
            return value.strip()
    return "microphone"
