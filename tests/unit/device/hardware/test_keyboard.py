"""One key of a keyboard as the button: records as Linux writes them, unplugging, and what is no keyboard.

The records travel through a named pipe: where tests run there is seldom a /dev/uinput to make a keyboard with. What
only the kernel does (the grab, the key's present state) is tried on the first owner's Pi: docs/hardware/wiring.md.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.hardware.buttons import AnyButton
from device.hardware.keyboard import EV_KEY, EV_SYN, EVENT, SYN_DROPPED, KeyboardButton
from device.hardware.ports import ButtonEdge, ButtonFault
from tests.fakes.button import FakeButton
from tests.fakes.clock import ManualClock

PATIENCE_S = 30.0
SPACE, LETTER = 57, 30


class Plug:
    """A keyboard that the test types on and pulls out; the pipe ends as a device does, and its name goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.down = False
        self.opened = 0
        self._hand = -1

    def put_in(self) -> None:
        """Plug it in."""
        os.mkfifo(self.path)
        self._hand = os.open(self.path, os.O_RDWR)

    def pull_out(self) -> None:
        """Pull it out."""
        self.path.unlink()
        os.close(self._hand)

    def type(self, *records: tuple[int, int, int]) -> None:
        """Write records of type, code and value, all at once."""
        os.write(self._hand, b"".join(EVENT.pack(1, 2, *record) for record in records))

    def press(self, value: int, key: int = SPACE) -> None:
        """Move a key, with the record that ends a report."""
        self.down = bool(value)
        self.type((EV_KEY, key, value), (EV_SYN, 0, 0))

    def open(self, path: Path, key: int) -> PipeDevice:
        """Open it as the kernel's device would be."""
        device = PipeDevice(os.open(path, os.O_RDONLY | os.O_NONBLOCK), self)
        self.opened += 1
        return device


class PipeDevice:
    """The reading end of a plug."""

    def __init__(self, descriptor: int, plug: Plug) -> None:
        self._descriptor = descriptor
        self._plug = plug

    def fileno(self) -> int:
        """What is waited for."""
        return self._descriptor

    def read(self) -> bytes:
        """What was typed."""
        return os.read(self._descriptor, 4096)

    def is_down(self, key: int) -> bool:
        """The key's present state, whatever records say."""
        return self._plug.down and key == SPACE

    def close(self) -> None:
        """Let go."""
        os.close(self._descriptor)


class Room:
    """A plugged keyboard, the button that reads it, and its edges."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.plug = Plug(path)
        self.plug.put_in()
        self.button = KeyboardButton(path, SPACE, clock=self.clock, open_device=self.plug.open)
        self.edges: queue.Queue[ButtonEdge] = queue.Queue()

    def next(self) -> ButtonEdge:
        """The next edge."""
        return self.edges.get(timeout=PATIENCE_S)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room whose button has been started."""
    room = Room(tmp_path / "usb-Acme-event-kbd")
    room.button.start(room.edges.put)
    yield room
    room.button.stop()


def test_record_is_as_long_as_the_kernel_writes_it() -> None:
    """Two C longs, two 16-bit numbers, one signed 32-bit number: 24 bytes on a 64-bit Pi."""
    assert EVENT.size == 2 * (8 if os.sysconf("SC_LONG_BIT") == 64 else 4) + 8


def test_key_moves_the_button_at_the_clocks_time(room: Room) -> None:
    """Down and up, each when it was read."""
    room.clock.advance(1.5)
    room.plug.press(1)
    assert room.next() == ButtonEdge(down=True, at_s=1001.5)
    assert room.button.is_down()
    room.clock.advance(0.25)
    room.plug.press(0)
    assert room.next() == ButtonEdge(down=False, at_s=1001.75)
    assert not room.button.is_down()


def test_other_keys_and_repeats_are_nothing(room: Room) -> None:
    """A letter, the repeats of a held key, a moved pointer: only the press and the release of the one key are edges."""
    room.plug.press(1, key=LETTER)
    room.plug.type((2, 0, 5), (4, 4, SPACE))
    for value in (1, 2, 2, 2, 0):
        room.plug.press(value)
    assert [room.next().down, room.next().down] == [True, False]
    assert room.edges.empty()


def test_records_that_the_kernel_dropped_are_asked_for(room: Room) -> None:
    """When too many came at once, the key's present state is read, so that no release is lost."""
    room.plug.down = True
    room.plug.type((EV_SYN, SYN_DROPPED, 0))
    assert room.next().down
    room.plug.down = False
    room.plug.type((EV_SYN, SYN_DROPPED, 0))
    assert not room.next().down


def test_keyboard_that_is_pulled_out_lets_go_and_comes_back(room: Room) -> None:
    """A held key counts as let go; reading is a fault until the keyboard is there again; then it works as before."""
    room.plug.press(1)
    assert room.next().down
    room.plug.pull_out()
    assert not room.next().down
    with pytest.raises(ButtonFault, match=r"key 57 of .*event-kbd: is not plugged in"):
        room.button.is_down()
    room.plug.down = False
    room.plug.put_in()
    deadline_s = time.monotonic() + PATIENCE_S
    while room.plug.opened < 2 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    room.plug.press(1)
    assert room.next().down
    room.plug.press(0)
    assert not room.next().down


def test_button_starts_again_after_a_stop(room: Room) -> None:
    """Stop is idempotent and frees the device; a button that is not started cannot be read."""
    room.button.stop()
    room.button.stop()
    with pytest.raises(ButtonFault, match="not started"):
        room.button.is_down()
    room.button.start(room.edges.put)
    room.plug.press(1)
    assert room.next().down


def test_stop_does_not_wait_for_a_missing_keyboard(room: Room) -> None:
    """Leaving while the keyboard is out ends at once."""
    room.plug.pull_out()
    assert not room.next().down
    room.button.stop()
    room.plug.put_in()


def test_keyboard_that_is_not_there_is_a_fault_with_advice(tmp_path: Path) -> None:
    """Its name, the key, and what to look at."""
    button = KeyboardButton(tmp_path / "usb-None-event-kbd", SPACE, clock=ManualClock())
    with pytest.raises(ButtonFault, match=r"key 57 of .*usb-None-event-kbd: cannot be had: No such file.*by-id"):
        button.start(lambda edge: None)


def test_file_that_is_no_keyboard_is_refused(tmp_path: Path) -> None:
    """The real device is asked for its keys before it is believed: a pipe or a file has none."""
    path = tmp_path / "usb-Fake-event-kbd"
    path.write_bytes(EVENT.pack(0, 0, EV_KEY, SPACE, 1))
    with pytest.raises(ButtonFault, match="cannot be had: Inappropriate ioctl for device"):
        KeyboardButton(path, SPACE, clock=ManualClock()).start(lambda edge: None)


def test_missing_keyboard_does_not_silence_the_pins(tmp_path: Path) -> None:
    """The button at the desk works while the keyboard is out; reading says what is missing, until it is there."""
    clock, edges = ManualClock(), queue.Queue[ButtonEdge]()
    plug, pins = Plug(tmp_path / "usb-Acme-event-kbd"), FakeButton(clock=clock)
    both = AnyButton([pins, KeyboardButton(plug.path, SPACE, clock=clock, open_device=plug.open)])
    both.start(edges.put)
    pins.press()
    assert edges.get(timeout=PATIENCE_S).down
    with pytest.raises(ButtonFault, match="event-kbd: cannot be had: No such file"):
        both.is_down()
    plug.put_in()
    assert both.is_down()
    pins.release()
    assert not edges.get(timeout=PATIENCE_S).down
    plug.press(1)
    assert edges.get(timeout=PATIENCE_S).down
    both.stop()


def test_unit_without_any_of_its_buttons_is_a_fault(tmp_path: Path) -> None:
    """When none can be had the first one's reason is told."""
    pins = FakeButton(clock=ManualClock())
    pins.fault = ButtonFault("the wire is cut")
    both = AnyButton([pins, KeyboardButton(tmp_path / "none", SPACE, clock=ManualClock())])
    with pytest.raises(ButtonFault, match="wire is cut"):
        both.start(lambda edge: None)
    both.stop()


def test_key_and_pins_are_one_button(room: Room) -> None:
    """Down is any of them, up is none of them; a fault of one is told."""
    room.button.stop()
    pins, edges = FakeButton(clock=room.clock), queue.Queue[ButtonEdge]()
    both = AnyButton([pins, room.button])
    both.start(edges.put)
    pins.press()
    room.plug.press(1)
    pins.release()
    room.plug.press(0)
    moves = [edges.get(timeout=PATIENCE_S).down for _ in range(4)]
    assert (moves[0], moves[3], both.is_down()) == (True, False, False)
    pins.fault = ButtonFault("the wire is cut")
    with pytest.raises(ButtonFault, match="wire is cut"):
        both.is_down()
    both.stop()
