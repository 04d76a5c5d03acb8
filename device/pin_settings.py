"""The tables `[pins]` and `[button]` of the unit's configuration: what is wired where; nonsense is refused.

Values only: it opens no pin. The wiring that the defaults mean is drawn in docs/hardware/wiring.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from device.ranges import require_range

INPUT_FOLDERS = ("/dev/input/by-id", "/dev/input/by-path")
KEYBOARD_ENDING = "-event-kbd"
LGPIO_REMEDY = (
    "install it with `sudo apt install python3-lgpio`, in an environment made with `python3 -m venv "
    "--system-site-packages`"
)
PINS = ("button", "second_button", "red", "green", "blue", "second_red", "second_green", "second_blue", "buzzer")


class PinsKind(StrEnum):
    """How button and lamp are reached: real pins, or a socket that tests and the demo press."""

    GPIO = "gpio"
    MOCK = "mock"


class LampKind(StrEnum):
    """What a lamp is made of: one LED of three colours, or a red and a green one."""

    RGB = "rgb"
    RED_GREEN = "red_green"


class Polarity(StrEnum):
    """Which leg the LEDs share: the one at ground (lit by a high pin), or the one at 3.3 V (lit by a low pin)."""

    COMMON_CATHODE = "common_cathode"
    COMMON_ANODE = "common_anode"


class BuzzerKind(StrEnum):
    """An active buzzer has a tone of its own and is switched by a high (or a low) pin; a passive one is given tones."""

    ACTIVE = "active"
    ACTIVE_LOW = "active_low"
    PASSIVE = "passive"
    NONE = "none"


class ButtonKind(StrEnum):
    """What is pressed: buttons (or bare wires) on pins, one key of a keyboard, or any of them."""

    PINS = "pins"
    KEYBOARD = "keyboard"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class PinsTable:
    """The pins of buttons, lamps and buzzer, in BCM numbers; a second button and a second lamp may be left out."""

    kind: PinsKind
    button: int = 17
    second_button: int | None = None
    lamp: LampKind = LampKind.RGB
    polarity: Polarity = Polarity.COMMON_CATHODE
    red: int = 22
    green: int = 27
    blue: int = 23
    second_red: int | None = None
    second_green: int | None = None
    second_blue: int | None = None
    buzzer: int = 24
    buzzer_kind: BuzzerKind = BuzzerKind.ACTIVE

    def __post_init__(self) -> None:
        """Refuse numbers that are no pin, one pin for two things, and half a second lamp."""
        used: dict[int, str] = {}
        for name, pin in self._used().items():
            require_range(name, pin, 2, 27)
            if pin in used:
                raise ValueError(f"{name}: expected a pin of its own, got {pin}, which is {used[pin]}'s")
            used[pin] = name
        self._require_whole_lamp()

    def lamps(self) -> tuple[tuple[int, int, int | None], ...]:
        """Give the pins of each lamp: red, green, and blue or None."""
        blue, second_blue = (self.blue, self.second_blue) if self.lamp is LampKind.RGB else (None, None)
        first = (self.red, self.green, blue)
        if self.second_red is None or self.second_green is None:
            return (first,)
        return (first, (self.second_red, self.second_green, second_blue))

    def buttons(self) -> tuple[int, ...]:
        """Give the pins of the buttons."""
        return (self.button,) if self.second_button is None else (self.button, self.second_button)

    def _colours(self) -> tuple[str, ...]:
        return ("red", "green", "blue") if self.lamp is LampKind.RGB else ("red", "green")

    def _used(self) -> dict[str, int]:
        """Every pin that something is wired to, by its name."""
        idle = set() if self.lamp is LampKind.RGB else {"blue"}
        idle |= {"buzzer"} if self.buzzer_kind is BuzzerKind.NONE else set()
        return {name: pin for name in PINS if name not in idle and (pin := getattr(self, name)) is not None}

    def _require_whole_lamp(self) -> None:
        wanted = {f"second_{colour}" for colour in self._colours()}
        given = {name for name in ("second_red", "second_green", "second_blue") if getattr(self, name) is not None}
        if given and given != wanted:
            odd = sorted(wanted ^ given)[0]
            raise ValueError(
                f"{odd}: a second lamp is of the same kind as the first: with lamp = {self.lamp.value!r} expected "
                f"{', '.join(sorted(wanted))} or none of them, got {', '.join(sorted(given))}"
            )


@dataclass(frozen=True, kw_only=True)
class ButtonTable:
    """What is pressed. `device` and `key` are for a keyboard: its name in /dev/input/by-id, the one key's code.

    Codes are those of Linux (input-event-codes.h): 57 is the space bar, 28 enter, 96 the enter key of a number pad.
    """

    kind: ButtonKind = ButtonKind.PINS
    device: Path | None = None
    key: int = 57

    def __post_init__(self) -> None:
        """Refuse a keyboard without a name that lasts, and what is no key."""
        require_range("key", self.key, 1, 0x2FF)
        if self.kind is ButtonKind.PINS:
            return
        if self.device is None:
            raise ValueError(f"device: missing; kind = {self.kind.value!r} needs a name from {INPUT_FOLDERS[0]}")
        if str(self.device.parent) not in INPUT_FOLDERS or not self.device.name.endswith(KEYBOARD_ENDING):
            raise ValueError(
                f"device: expected a name like {INPUT_FOLDERS[0]}/usb-…{KEYBOARD_ENDING}, which names one keyboard for "
                f"good, got {str(self.device)!r}"
            )
