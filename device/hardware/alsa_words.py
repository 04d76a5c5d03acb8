"""Keeps what ALSA's library says about errors for whoever asks, instead of letting it write to the journal.

A line in the journal at each attempt to open a microphone would tell whoever reads it when the room is recorded. The
library offers a handler for its words (`snd_lib_error_set_handler`, alsa-lib's error.h); it is reached through ctypes,
because PyAV has no door to it. Where no copy of the library is loaded nothing happens.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from functools import cache
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_LIBRARY = re.compile(r"(/\S*libasound\S*)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"%[-0-9.]*[hlz]*[a-zA-Z]")
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
_said: deque[str] = deque(maxlen=3)


def catch_words() -> None:
    """From now on the library's words are kept here; call it when PyAV is imported, as often as you like."""
    _said.clear()
    handler = _make_handler()
    for path in sorted(set(_LIBRARY.findall(_MAPS.read_text("utf-8", "replace")))):
        ctypes.CDLL(path).snd_lib_error_set_handler(handler)


def give_words() -> str:
    """Give what was said since the last call, without the values in it, which only C could read; empty for nothing."""
    words = "; ".join(dict.fromkeys(_said))
    _said.clear()
    return words


def _keep(_file: bytes, _line: int, _function: bytes, _error: int, words: bytes) -> None:
    _said.append(_PLACEHOLDER.sub("…", (words or b"").decode("utf-8", "replace")).strip())


@cache  # for the process's life, since the library goes on calling it
def _make_handler() -> object:
    """Make what the library calls; None, with which it writes as ever, where the system forbids code made at run time.

    libffi needs none since 3.4 (its static trampolines), so `MemoryDenyWriteExecute=yes` does not forbid it.
    """
    try:
        return _Handler(_keep)
    except MemoryError:
        return None
