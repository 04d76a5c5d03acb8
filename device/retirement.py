"""The end of a retired unit: root erases its keys, its records and the network's secrets, once nothing is to deliver.

Believes nobody: the school's signed command is verified here again, and the spool must be empty. What was begun is gone
on with after a power cut. Overwriting reaches what the card's controller lets it reach; a card that matters is
destroyed (docs/runbooks/lost-unit.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from device.config import DeviceConfig
from device.hardware.clock import SystemClock
from device.hardware.ports import Clock
from device.identity import DocumentStore, load_root
from device.recorder.moments import Moments
from protocol.commands import Task
from protocol.durable import PRIVATE, REAL, Files, replace_file, write_all

BEGUN = "wiping"
"""The mark beside `device.toml`, which is found without reading that: it was begun, and the next start goes on."""
FOLDERS = ("certificate", "recorder", "uploads", "agent", "selftest", "state", "spool")
"""What is emptied, in this order; then `identity`, the network's secrets, the configuration, and last the mark."""
KEYS = ("recorder.key", "tls.key")


class WipeRefused(Exception):
    """The unit is not to be wiped now; the message says why."""


def wipe(
    config: DeviceConfig, path: Path, *, network: Path | None = None, clock: Clock | None = None, files: Files = REAL
) -> None:
    """Wipe the unit of `config`, which stands at `path`, and the folder of the network's secrets, if it is named.

    Raises `WipeRefused` or `OSError`; it is run again then.
    """
    identity, begun = config.data / "identity", path.parent / BEGUN
    if not begun.exists():
        _require_retired(config, clock or SystemClock())
        replace_file(begun, b"", mode=PRIVATE, files=files)
    for name in (*KEYS, *(f"{key}.next" for key in KEYS)):
        _erase(identity / name, files)
        _erase(config.keys / name, files)
    for folder in (config.data / name for name in FOLDERS):
        _empty(folder, files)
    _empty(identity, files)
    if network is not None:
        _empty(network, files)
    _unlink(path, files)  # not overwritten: a half of it would keep the next start from going on
    _unlink(begun, files)


def finish_wipe(path: Path, *, files: Files = REAL) -> bool:
    """Take the mark away where a cut left nothing else: `path` is gone; tell whether that was so. Raises `OSError`."""
    begun = path.parent / BEGUN
    if path.exists() or not begun.exists():
        return False
    _unlink(begun, files)
    return True


def _require_retired(config: DeviceConfig, clock: Clock) -> None:
    root = load_root(config.data / "identity")
    store = DocumentStore(config.data / "state", device=config.device.id, root=root, files=REAL)
    moments = Moments(clock, store.newest_instant())
    held = store.load_command(Task.RETIRE, moments.now_at())
    if held.document is None or held.document.not_before is None:
        raise WipeRefused(f"the school has not retired this unit: {held.reason}")
    moments.learn(held.document.issued_at)
    if moments.known_at() < held.document.not_before:
        raise WipeRefused(f"it may be wiped from {held.document.not_before} on, and that has not certainly passed")
    left = [entry for entry in _entries(config.data / "spool") if entry.is_dir()]
    if left:
        raise WipeRefused(
            "something in the spool was not delivered yet, or cannot be; what is left is erased by a person"
        )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _files_of(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry.is_dir() and not entry.is_symlink():
            yield from _files_of(entry)
        else:
            yield entry


def _empty(folder: Path, files: Files) -> None:
    for file in list(_files_of(folder)):
        _erase(file, files)


def _erase(file: Path, files: Files) -> None:
    """Overwrite a file and unlink it, durably; one that is not there any more is erased."""
    if file.is_file() and not file.is_symlink():
        descriptor = files.open(file, os.O_WRONLY, PRIVATE)
        try:
            write_all(descriptor, os.urandom(file.stat().st_size), files)
            files.sync(descriptor)
        finally:
            files.close(descriptor)
    if file.exists() or file.is_symlink():
        _unlink(file, files)


def _unlink(file: Path, files: Files) -> None:
    files.unlink(file)
    files.sync_folder(file.parent)
