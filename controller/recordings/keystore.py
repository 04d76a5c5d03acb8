"""The key store: one small file a recording, `<recording>.age`, sealed to the school's storage identity.

It lies apart from media and from backups of media: removing one file here is the end of a recording. Gives a
recording's identity only in memory. Which storage identity is in force is said by the school's keys folder.
"""

from __future__ import annotations

from pathlib import Path

from controller.keys import SchoolKeys
from protocol.durable import PRIVATE, REAL, Files, replace_file
from protocol.envelope import KeyIdentity, open_sealed, parse_identities, seal


class KeyStore:
    """The folder of key entries."""

    def __init__(self, folder: Path, keys: SchoolKeys, files: Files = REAL) -> None:
        self._folder = folder
        self._keys = keys
        self._files = files

    def put(self, recording: str, identity: KeyIdentity) -> None:
        """Seal a recording's identity to the storage identity in force and keep it durably.

        The entry is sealed anew, with a file key of its own: whoever kept `key.age` and the epoch's identity learns
        nothing about this entry from them.
        """
        _, storage = self._keys.storage_in_force
        if not self._folder.is_dir():
            self._files.make_folder(self._folder, 0o700)
            self._files.sync_folder(self._folder.parent)
        sealed = seal(f"{identity.encode()}\n".encode("ascii"), [storage.recipient])
        replace_file(self._path(recording), sealed, mode=PRIVATE, files=self._files)

    def get(self, recording: str) -> KeyIdentity:
        """Open a recording's identity; raise `FileNotFoundError` when its entry was destroyed or never arrived."""
        sealed = self._path(recording).read_bytes()
        text = open_sealed(sealed, self._keys.storage_identities).decode("ascii")
        return parse_identities(text)[0]

    def holds(self, recording: str) -> bool:
        """Tell whether there is an entry."""
        return self._path(recording).exists()

    def destroy(self, recording: str) -> None:
        """Remove an entry durably; none there is no error."""
        if self._folder.is_dir():
            self._files.unlink(self._path(recording))
            self._files.sync_folder(self._folder)

    def _path(self, recording: str) -> Path:
        return self._folder / f"{recording}.age"
