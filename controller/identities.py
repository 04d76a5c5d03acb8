"""Age identities as files: the epochs' and the storage identities, read as they are now, and their one named backup.

Never writes or destroys one; who does is controller/epochs and controller/storage. docs/protocol/epochs.md.
"""

from __future__ import annotations

import os
import threading
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from pathlib import Path

from controller.errors import OperatorError
from protocol.envelope.errors import KeyTextError
from protocol.envelope.keys import KeyIdentity, parse_identities
from protocol.keyfiles import KeyFileError, read_secret


class IdentityFolder(Mapping[str, KeyIdentity]):
    """The age identities `<name>.key` of a folder, as it is now.

    Every process asks the folder anew: an identity that was destroyed opens nothing a moment later, in none of them,
    and one that came is there without a restart. A file that has not changed is not read again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, ...], KeyIdentity]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> KeyIdentity:
        """Give an identity by its name."""
        return self._look()[name][1]

    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self._look())

    def __len__(self) -> int:
        """Count the identities."""
        return len(self._look())

    def items(self) -> ItemsView[str, KeyIdentity]:
        """Give names and identities as they are at one moment: one that is destroyed meanwhile stays in the view."""
        return {name: identity for name, (_, identity) in self._look().items()}.items()

    def values(self) -> ValuesView[KeyIdentity]:
        """Give the identities as they are at one moment."""
        return dict(self.items()).values()

    def _look(self) -> dict[str, tuple[tuple[int, ...], KeyIdentity]]:
        with self._lock:
            found = {path.stem: self._read(path) for path in sorted(self._folder.glob("*.key"))}
            self._known = {name: known for name, known in found.items() if known is not None}
            return self._known

    def _read(self, path: Path) -> tuple[tuple[int, ...], KeyIdentity] | None:
        try:
            status = os.stat(path)
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode)
            known = self._known.get(path.stem)
            if known and known[0] == stamp:
                return known
            return stamp, parse_identities(read_secret(path))[0]
        except FileNotFoundError:
            return None
        except (KeyFileError, KeyTextError):
            if path.exists():
                raise
            return None  # it was destroyed in the meantime


def backup_folder(keys: Path, backup: Path | None, name: str) -> Path | None:
    """Give the folder `name` of the keys folder's one named backup, or None when none is named.

    Raises `OperatorError` unless what stands there is a backup of these keys: of a disk that is not mounted nothing
    could be destroyed.
    """
    if backup is None:
        return None
    try:
        same = (backup / "root.pub").read_bytes() == (keys / "root.pub").read_bytes()
    except OSError as error:
        raise OperatorError(
            f"[controller] keys_backup: {backup} cannot be read as a backup of {keys}: {error}; mount it, or copy "
            "root.pub into the folder that shall be the backup"
        ) from None
    if not same:
        raise OperatorError(
            f"[controller] keys_backup: {backup} is a backup of another school's keys: root.pub differs"
        )
    return backup / name
