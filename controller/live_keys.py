"""The school's keys as they are now: a process that runs takes what a rotation or an extension changed.

Looked at whenever somebody asks, which is one `stat` a file; read again only when one of them changed, and whole or
not at all: while the folder cannot be used, the keys that were read last go on, and the log says why. Never writes.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from controller.errors import OperatorError
from controller.keys import ROOT_CA, SchoolKeys, load_school_keys

WATCHED = ("root.pub", ROOT_CA, "keyring", "recipients", "policy.key", "receipt.key", "lease.key")
TRIES = 3

Stamp = tuple[tuple[int, ...] | None, ...]

log = logging.getLogger(__name__)


class LiveKeys:
    """The keys of one folder; safe to ask from any thread."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; raise `OperatorError` when it cannot be used: a process does not start without keys."""
        self._folder = folder
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._keys = load_school_keys(folder)

    def current(self) -> SchoolKeys:
        """Give the keys as the folder holds them now, or as it did when it could be read last."""
        if self._stamp() != self._seen:
            with self._lock:
                self._read_again()
        return self._keys

    def _read_again(self) -> None:
        """Read until nothing changed while reading; a change that is still going on is read the next time."""
        for _ in range(TRIES):
            before = self._stamp()
            if before == self._seen:
                return
            try:
                keys = load_school_keys(self._folder)
            except OperatorError as error:
                if self._stamp() == before:
                    self._seen = before
                    log.error("the keys that were read before stay in force: %s", error)
                    return
                continue
            if self._stamp() == before:
                self._keys, self._seen = keys, before
                log.info("the school's keys were read again: keyring version %d", _version(keys))
                return

    def _stamp(self) -> Stamp:
        return tuple(stamp_of(self._folder / name) for name in WATCHED)


def stamp_of(path: Path) -> tuple[int, ...] | None:
    """Give what changes whenever a file is replaced or written; None for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode)


def _version(keys: SchoolKeys) -> int:
    assert keys.trust.keyring
    return keys.trust.keyring.version
