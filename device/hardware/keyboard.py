"""One key of one named keyboard as the button: for hobbyists, foot pedals, presenters.

Reads Linux's own input events (linux/input.h) from the device that is configured and from no other, and takes it for
itself, so that no key of it reaches a console. Every key but the one is thrown away unread; none is ever logged.
Edges carry the injected clock's time. Wiring: docs/hardware/wiring.md.
"""

import fcntl
import os
import select
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from device.hardware.ports import ButtonEdge, ButtonFault, Clock, PartFacts

EVENT = struct.Struct("@llHHi")
"""`struct input_event`: seconds, microseconds (two C longs each way), type, code, value; 24 bytes where long has 8."""
EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
_KEY_BYTES = 0x300 // 8
_EVIOCGRAB = 0x40044590  # _IOW('E', 0x90, int)
_EVIOCGKEY = 0x80004518 | _KEY_BYTES << 16  # _IOR('E', 0x18, char[96])
_EVIOCGBIT_KEY = 0x80004521 | _KEY_BYTES << 16  # _IOR('E', 0x20 + EV_KEY, char[96])
_LOOK_FOR_IT_S = 0.5


class KeyDevice(Protocol):
    """An open keyboard; every method raises OSError when it is gone."""

    def fileno(self) -> int: ...

    def read(self) -> bytes:
        """Whole records of EVENT that wait; b"" when the device has ended."""

    def is_down(self, key: int) -> bool: ...

    def close(self) -> None: ...


class EventDevice:
    """A device of /dev/input, taken for this process alone; OSError says why it cannot be."""

    def __init__(self, path: Path, key: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not self._has_bit(_EVIOCGBIT_KEY, key):
                raise OSError(f"it has no key of code {key}")
            fcntl.ioctl(self._descriptor, _EVIOCGRAB, 1)
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Give the descriptor to wait for."""
        return self._descriptor

    def read(self) -> bytes:
        """See `KeyDevice.read`; the kernel gives whole records only."""
        return os.read(self._descriptor, 64 * EVENT.size)

    def is_down(self, key: int) -> bool:
        """Ask the kernel for the key's present state."""
        return self._has_bit(_EVIOCGKEY, key)

    def close(self) -> None:
        """Let go of the device; the grab ends with it."""
        os.close(self._descriptor)

    def _has_bit(self, question: int, key: int) -> bool:
        answer = bytearray(_KEY_BYTES)
        fcntl.ioctl(self._descriptor, question, answer)
        return bool(answer[key // 8] >> key % 8 & 1)


class KeyboardButton:
    """The key as a `Button`. A keyboard that is pulled out lets go of its key and is a fault until it is back."""

    def __init__(
        self,
        path: Path,
        key: int,
        *,
        clock: Clock,
        open_device: Callable[[Path, int], KeyDevice] = EventDevice,
    ) -> None:
        self._path = path
        self._key = key
        self._clock = clock
        self._open_device = open_device
        self._lock = threading.Lock()
        self._device: KeyDevice | None = None
        self._thread: threading.Thread | None = None
        self._leaving = threading.Event()
        self._waker = self._woken = -1

    @property
    def facts(self) -> PartFacts:
        """Names keyboard and key."""
        return PartFacts(f"key {self._key} of {self._path}", is_production=True)

    def start(self, on_edge: Callable[[ButtonEdge], None]) -> None:
        """See `Button.start`."""
        self.stop()
        try:
            self._device = self._open_device(self._path, self._key)
        except OSError as error:
            raise ButtonFault(
                f"{self.facts.description}: cannot be had: {error.strerror or error}; plug it in, look at [button] "
                "device (ls /dev/input/by-id) and key (evtest), and whether this user may open it"
            ) from error
        self._woken, self._waker = os.pipe()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(on_edge, self._leaving), name="keyboard", daemon=True)
        self._thread.start()

    def is_down(self) -> bool:
        """See `Button.is_down`."""
        with self._lock:
            if self._thread is None:
                raise ButtonFault(f"{self.facts.description}: is not started")
            if self._device is None:
                raise ButtonFault(f"{self.facts.description}: is not plugged in; it works again as soon as it is")
            try:
                return self._device.is_down(self._key)
            except OSError as error:
                raise ButtonFault(f"{self.facts.description}: cannot be read: {error.strerror}") from error

    def stop(self) -> None:
        """See `Button.stop`."""
        if self._thread is None:
            return
        self._leaving.set()
        os.close(self._waker)
        self._thread.join()
        os.close(self._woken)
        self._lose()
        self._thread = None

    def _run(self, on_edge: Callable[[ButtonEdge], None], leaving: threading.Event) -> None:
        while not leaving.is_set():
            device = self._device
            if device is None:
                self._find_again(leaving)
            elif not self._listen(device, on_edge):
                self._lose()
                on_edge(ButtonEdge(down=False, at_s=self._clock.monotonic_s()))

    def _listen(self, device: KeyDevice, on_edge: Callable[[ButtonEdge], None]) -> bool:
        """Wait for records and report the key's; tell whether the keyboard is still there."""
        try:
            ready, _, _ = select.select([device.fileno(), self._woken], [], [])
            if device.fileno() not in ready:
                return True
            data, at_s = device.read(), self._clock.monotonic_s()
            for down in self._moves(data, device):
                on_edge(ButtonEdge(down, at_s))
        except (OSError, ValueError):
            return False  # it was pulled out; `is_down` says so to whoever asks
        return bool(data)

    def _moves(self, data: bytes, device: KeyDevice) -> list[bool]:
        """What the records say of the one key. Held keys repeat (value 2), which is nothing new."""
        moves = []
        for _, _, kind, code, value in EVENT.iter_unpack(data[: len(data) - len(data) % EVENT.size]):
            if (kind, code) == (EV_KEY, self._key) and value in (0, 1):
                moves.append(value == 1)
            elif (kind, code) == (EV_SYN, SYN_DROPPED):
                moves.append(device.is_down(self._key))
        return moves

    def _lose(self) -> None:
        with self._lock:
            device, self._device = self._device, None
        if device is not None:
            device.close()

    def _find_again(self, leaving: threading.Event) -> None:
        """Open the keyboard when its name is there again; until then look for it now and then."""
        try:
            found = self._open_device(self._path, self._key)
        except OSError:
            leaving.wait(_LOOK_FOR_IT_S)
            return
        with self._lock:
            self._device = found
