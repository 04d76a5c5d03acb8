"""Rotates the storage identity: a new one first, every entry re-wrapped to it, then the old one destroyed.

What is done lies in the files alone, so that whoever is killed at any operation is followed by somebody who finishes:
more than one identity means that a rotation goes on. The old ones go only after every entry was seen to open with the
newest and with none of them. Defined in docs/protocol/epochs.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from controller.errors import OperatorError
from controller.identities import backup_folder
from controller.keys import SchoolKeys
from controller.recordings.keystore import DamagedEntryError, KeyStore
from controller.services import Services
from controller.storage import policy
from protocol.durable import PRIVATE, REAL, Files, destroy_file, replace_file
from protocol.envelope import KeyIdentity, generate_hybrid, generate_x25519

STORAGE = "storage"
LOCK = ".rotation"
UNBACKED = (
    "the storage identity is not rotated by itself: [controller] keys_backup names no place for its copy, and without "
    "one a broken disk would take every recording with it"
)
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where storage identities lie: `folder`, and the one named backup, if there is one."""

    folder: Path
    backup: Path | None

    @property
    def all(self) -> tuple[Path, ...]:
        """Give the backup first: what is about to be used is there before it is."""
        return (*((self.backup,) if self.backup else ()), self.folder)


@dataclass(frozen=True, kw_only=True)
class Rotator:
    """Everything that a rotation takes."""

    keys: SchoolKeys = field(repr=False)
    store: KeyStore
    places: Places
    files: Files = REAL

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other rotations out, of this process and of others: two would replace each other's identity."""
        lock = os.open(self.places.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._remove_drafts()
            yield
        finally:
            os.close(lock)

    def _remove_drafts(self) -> None:
        """Destroy what a rotation that was cut off had not put in its place: nothing was ever sealed to it."""
        for folder in self.places.all:
            for draft in folder.glob(".*.key.*.new"):
                destroy_file(draft, self.files)

    def begin(self, now: datetime, generate: Callable[[], KeyIdentity]) -> str:
        """Make a new storage identity, durably in every place, and give its name: from now on it seals."""
        name = policy.name_next(tuple(self.keys.storage), now)
        identity = generate()
        text = f"# Backrow storage identity {name}\n# public key: {identity.recipient}\n{identity.encode()}\n"
        for folder in self.places.all:
            if not folder.is_dir():
                self.files.make_folder(folder, 0o700)
                self.files.sync_folder(folder.parent)
            replace_file(folder / f"{name}.key", text.encode("ascii"), mode=PRIVATE, files=self.files)
        return name

    def finish(self) -> int:
        """Re-wrap what is not sealed to the newest identity, destroy the older ones, tell how many were re-wrapped.

        Raises `DamagedEntryError` when an entry opens with no identity: then the older ones stay.
        """
        if not self._older():
            return 0
        rewrapped = self.store.rewrap_all()
        self.store.hand_over(self._retire)
        return rewrapped

    def _older(self) -> tuple[Path, ...]:
        """Give the files of identities that are not in force, also of a destruction that was cut off."""
        newest, _ = self.keys.storage_in_force
        found = [path for folder in self.places.all for path in folder.glob("*.key") if path.stem < newest]
        doomed = [path for folder in self.places.all for path in folder.glob(".*.key.destroyed")]
        return (*found, *(path.with_name(path.name[1 : -len(".destroyed")]) for path in doomed))

    def _retire(self) -> None:
        for path in sorted(set(self._older())):
            destroy_file(path, self.files)
            log.info("storage identity %s is destroyed in %s", path.stem, path.parent)


def make_rotator(services: Services, files: Files = REAL) -> Rotator:
    """Put a rotation's parts together; raise `OperatorError` when the named backup is not there."""
    core = services.config.controller
    places = Places(folder=core.keys / STORAGE, backup=backup_folder(core.keys, core.keys_backup, STORAGE))
    return Rotator(keys=services.keys, store=services.key_store, places=places, files=files)


def rotate(services: Services, files: Files = REAL) -> str:
    """Make a new storage identity and finish; give its name, and no count: it would tell of recordings (promise P7).

    A rotation that was begun before is finished first. Raises `OperatorError`.
    """
    rotator = make_rotator(services, files)
    with _explained(), rotator.alone():
        rotator.finish()
        name = rotator.begin(services.clock(), lambda: generate_like(services.keys))
        rotator.finish()
    return name


def rotate_when_due(services: Services, files: Files = REAL) -> str | None:
    """Finish a rotation that was begun; begin one when it is time. Give the name of a new identity, if one was made.

    Without a named backup nothing is begun: it is said in the log, and the owner's page names no date.
    """
    rotator, name = make_rotator(services, files), None
    with _explained(), rotator.alone():
        if policy.is_due(tuple(services.keys.storage), services.clock(), rotation_of(services).every):
            if rotator.places.backup is None:
                log.warning(UNBACKED)
            else:
                name = rotator.begin(services.clock(), lambda: generate_like(services.keys))
        rotator.finish()
    return name


def generate_like(keys: SchoolKeys) -> KeyIdentity:
    """Make an identity of the kind that the one in force is of."""
    _, in_force = keys.storage_in_force
    return generate_hybrid() if in_force.recipient.post_quantum else generate_x25519()


def rotation_of(services: Services) -> policy.Rotation:
    """Describe how this controller's storage identity rotates."""
    return policy.Rotation(
        names=tuple(services.keys.storage),
        every=timedelta(days=services.config.retention.storage_rotation_days),
        is_automatic=services.config.controller.keys_backup is not None,
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the disk or an entry refuses into words for whoever runs the server."""
    try:
        yield
    except DamagedEntryError as error:
        raise OperatorError(
            f"{error}; name it with: backrow controller storage check, and put its file back from a backup of the key "
            "store, or remove it if the recording shall be given up. The older storage identities stay until then"
        ) from None
    except OSError as error:
        raise OperatorError(f"the storage identity is not rotated: {error}; it is tried again") from None
