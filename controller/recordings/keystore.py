"""The key store: one small file a recording, `<recording>.age`, sealed to the school's storage identity.

It lies apart from media and from backups of media: removing one file here is the end of a recording. Gives a
recording's identity only in memory. Which storage identity is in force is said by the school's keys folder; when that
rotates, entries are re-wrapped one by one (controller/storage). Writers of all processes come one after the other.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from controller.keys import SchoolKeys
from protocol.durable import PRIVATE, REAL, Files, replace_file
from protocol.envelope import EnvelopeError, KeyIdentity, NoMatchError, open_sealed, parse_identities, seal

LOCK = ".lock"
_SUFFIX = ".age"


class DamagedEntryError(Exception):
    """An entry of the key store does not open: its file is damaged, or the identity that it is sealed to is gone.

    Its words name no recording: IT reads them in a log (promise P7). `KeyStore.damaged` names the files.
    """


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
        with self._alone():
            self._put(recording, identity)

    def get(self, recording: str) -> KeyIdentity:
        """Open a recording's identity; raise `FileNotFoundError` when its entry was destroyed or never arrived."""
        try:
            return self._open(recording)
        except NoMatchError:
            return self._open(recording)  # between entry and identities a rotation ended: both are newer now

    def holds(self, recording: str) -> bool:
        """Tell whether there is an entry."""
        return self._path(recording).exists()

    def is_there(self) -> bool:
        """Tell whether the store holds anything: an empty one, while rows say otherwise, is a disk that is away."""
        return bool(self.recordings())

    def opens(self, recording: str, recipient: str) -> bool:
        """Tell whether there is an entry that opens, to the identity of `recipient`; no footage is touched."""
        try:
            return str(self.get(recording).recipient) == recipient
        except (FileNotFoundError, EnvelopeError, ValueError):
            return False

    def destroy(self, recording: str) -> None:
        """Remove an entry durably; none there is no error."""
        if self._folder.is_dir():
            with self._alone():
                self._files.unlink(self._path(recording))
                self._remove_drafts(recording)
                self._files.sync_folder(self._folder)

    def recordings(self) -> tuple[str, ...]:
        """Name the recordings that have an entry."""
        names = (path.name for path in self._folder.glob(f"*{_SUFFIX}")) if self._folder.is_dir() else ()
        return tuple(sorted(name.removesuffix(_SUFFIX) for name in names))

    def rewrap_all(self) -> int:
        """Seal to the storage identity in force every entry that is not; tell how many. Others may write meanwhile.

        Raises `DamagedEntryError`; all entries are left whole.
        """
        with self._alone():
            recordings = self.recordings()  # whoever was writing with an older identity has ended now
        return sum(self.rewrap(recording) for recording in recordings)

    def rewrap(self, recording: str) -> bool:
        """Seal an entry anew to the storage identity in force, unless it is; tell whether it had to be.

        One that was destroyed meanwhile stays destroyed. Raises `DamagedEntryError`; the entry is left as it is.
        """
        with self._alone():
            if not self.holds(recording) or self._is_current(recording):
                return False
            try:
                identity = self._open(recording)
            except (EnvelopeError, ValueError) as error:
                raise DamagedEntryError(f"an entry of the key store opens with no storage identity: {error}") from None
            self._put(recording, identity)
            return True

    def hand_over(self, retire: Callable[[], None]) -> None:
        """Call `retire`, which destroys older storage identities, once no entry needs one; nobody writes meanwhile.

        Every entry must open with the identity in force, and with none of the others. Raises `DamagedEntryError`, and
        then nothing was destroyed. What was looked at before the lock is not opened again inside it.
        """
        seen = self._verify({})
        with self._alone():
            self._verify(seen)
            self._remove_drafts("*")
            retire()

    def _verify(self, seen: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for recording in self.recordings():
            try:
                status = os.stat(self._path(recording))
                found[recording] = (status.st_ino, status.st_size, status.st_mtime_ns)
                is_current = found[recording] == seen.get(recording) or self._is_current(recording)
            except FileNotFoundError:
                continue  # destroyed meanwhile
            if not is_current:
                raise DamagedEntryError("an entry of the key store does not open with the identity in force alone")
        return found

    def damaged(self) -> tuple[str, ...]:
        """Name the files of the entries that open with no storage identity."""
        return tuple(self._path(recording).name for recording in self.recordings() if not self._is_readable(recording))

    def _is_readable(self, recording: str) -> bool:
        try:
            self.get(recording)
        except FileNotFoundError:
            return True  # destroyed meanwhile
        except (EnvelopeError, ValueError):
            return False
        return True

    def _is_current(self, recording: str) -> bool:
        """Tell whether an entry opens with the identity in force, to that recording's own, and with no other."""
        name, in_force = self._keys.storage_in_force
        others = [identity for other, identity in self._keys.storage.items() if other != name]
        sealed = self._path(recording).read_bytes()
        try:
            _parse(sealed, [in_force])
        except (EnvelopeError, ValueError):
            return False
        return not any(_opens(sealed, other) for other in others)

    def _open(self, recording: str) -> KeyIdentity:
        return _parse(self._path(recording).read_bytes(), self._keys.storage_identities)

    def _put(self, recording: str, identity: KeyIdentity) -> None:
        _, storage = self._keys.storage_in_force
        sealed = seal(f"{identity.encode()}\n".encode("ascii"), [storage.recipient])
        replace_file(self._path(recording), sealed, mode=PRIVATE, files=self._files)

    def _remove_drafts(self, recording: str) -> None:
        """Remove what a writer that was killed had not put in its place: it opens like the entry itself."""
        for draft in self._folder.glob(f".{recording}{_SUFFIX}.*.new"):
            self._files.unlink(draft)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other writer of this store out, in this process and in others.

        Without it an entry could be sealed to an identity that is being destroyed, or a destroyed entry come back.
        """
        if not self._folder.is_dir():
            self._files.make_folder(self._folder, 0o700)
            self._files.sync_folder(self._folder.parent)
        lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _path(self, recording: str) -> Path:
        return self._folder / f"{recording}{_SUFFIX}"


def _parse(sealed: bytes, identities: list[KeyIdentity] | tuple[KeyIdentity, ...]) -> KeyIdentity:
    return parse_identities(open_sealed(sealed, identities).decode("ascii"))[0]


def _opens(sealed: bytes, identity: KeyIdentity) -> bool:
    try:
        open_sealed(sealed, [identity])
    except EnvelopeError:
        return False
    return True
