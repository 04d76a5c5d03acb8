"""Which microphones the kernel lists, and which one is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.hardware.cards import find_microphone, is_listed, list_microphones


def add_card(asound: Path, number: int, card: str, *streams: str, usb: bool = False) -> None:
    """Lay out a card as Linux does (sound/core/init.c and pcm.c; `usbid` is sound/usb/proc.c's)."""
    folder = asound / f"card{number}"
    for stream in streams:
        (folder / stream).mkdir(parents=True)
        (folder / stream / "info").write_text(f"card: {number}\ndevice: 0\nsubdevice: 0\nname: {card} Audio\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "id").write_text(f"{card}\n")
    if usb:
        (folder / "usbid").write_text("0d8c:013c\n")


@pytest.fixture
def asound(tmp_path: Path) -> Path:
    """A Pi with two HDMI ports, a sound chip that can record, and two USB microphones."""
    add_card(tmp_path, 0, "vc4hdmi0", "pcm0p")
    add_card(tmp_path, 1, "vc4hdmi1", "pcm0p")
    add_card(tmp_path, 2, "sndrpihifi", "pcm0p", "pcm0c")
    add_card(tmp_path, 10, "Webcam", "pcm0c", usb=True)
    add_card(tmp_path, 3, "Device", "pcm0p", "pcm0c", usb=True)
    return tmp_path


def test_only_what_can_be_recorded_from_is_listed(asound: Path) -> None:
    """An HDMI port is no microphone; USB comes first, then the lower number."""
    assert [each.card for each in list_microphones(asound)] == ["Device", "Webcam", "sndrpihifi"]


def test_usb_microphone_is_found_by_itself(asound: Path) -> None:
    """The first USB microphone is taken, by a name that converts rate and channels."""
    found = find_microphone(asound)
    assert found is not None
    assert (found.alsa_name, found.description) == ("plughw:CARD=Device,DEV=0", "Device Audio (USB card 'Device')")


def test_card_that_is_not_usb_is_never_chosen_by_itself(tmp_path: Path) -> None:
    """A sound chip with nothing plugged in would be a year of silence that looks like a microphone."""
    add_card(tmp_path, 2, "sndrpihifi", "pcm0c")
    assert find_microphone(tmp_path) is None


def test_machine_without_sound_has_no_microphone(tmp_path: Path) -> None:
    """No driver, no folder: nothing is found and nothing is raised."""
    assert list_microphones(tmp_path / "missing") == ()


def test_card_pulled_while_it_is_read_is_left_out(asound: Path) -> None:
    """A folder whose files have gone is no microphone."""
    (asound / "card3" / "id").unlink()
    assert [each.card for each in list_microphones(asound)] == ["Webcam", "sndrpihifi"]


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("plughw:CARD=Device,DEV=0", True),
        ("plughw:CARD=3", True),
        ("plughw:CARD=Headset", False),
        ("plughw:CARD=vc4hdmi0", False),
        ("classroom", True),
    ],
)
def test_name_of_a_card_that_is_not_there_is_known(asound: Path, name: str, listed: bool) -> None:  # noqa: FBT001
    """A name with `CARD=` is looked up, so that ALSA is not asked in vain; any other name is ALSA's to know."""
    assert is_listed(name, asound) is listed
