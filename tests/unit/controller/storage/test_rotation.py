"""The storage identity's rotation, on real files: no entry is ever lost, and old copies open nothing afterwards."""

from __future__ import annotations

import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from controller.keys import SchoolKeys, load_school_keys
from controller.recordings.keystore import DamagedEntryError, KeyStore
from controller.storage.rotation import LOCK, Places, Rotator
from protocol.durable import REAL, Files
from protocol.envelope import KeyIdentity, generate_x25519, open_sealed, parse_identities, seal
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, PoweredFiles, RefusingFiles
from tests.lesson import BEGAN_AT
from tests.school import make_school, new_id

MONTH = timedelta(days=30)


@dataclass
class Keeper:
    """A school's keys, their named backup, and a key store, all below one folder."""

    root: Path
    entries: dict[str, KeyIdentity] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the storage identities lie."""
        return self.root / "keys" / "storage"

    @property
    def backup(self) -> Path:
        """Where their named backup lies."""
        return self.root / "backup" / "storage"

    @property
    def store(self) -> Path:
        """Where the entries lie."""
        return self.root / "key-store"

    def start(self, files: Files = REAL) -> Rotator:
        """Start a process that rotates."""
        keys = load_school_keys(self.root / "keys")
        places = Places(folder=self.folder, backup=self.backup)
        return Rotator(keys=keys, store=KeyStore(self.store, keys, files), places=places, files=files)

    def rotate(self, files: Files = REAL) -> int:
        """Rotate from beginning to end."""
        rotator = self.start(files)
        with rotator.alone():
            rotator.begin(BEGAN_AT + MONTH, generate_x25519)
            return rotator.finish()

    def finish(self) -> None:
        """Finish what was begun, as the next turn of jobs does."""
        rotator = self.start()
        with rotator.alone():
            rotator.finish()

    def require_all(self) -> None:
        """Check that every entry opens to its recording's identity, for a process that starts now."""
        store = KeyStore(self.store, load_school_keys(self.root / "keys"))
        assert {name: store.get(name) for name in store.recordings()} == self.entries

    def names(self) -> tuple[list[str], list[str]]:
        """Name everything that lies in the folder and in the backup."""
        here, there = (sorted(path.name for path in each.iterdir()) for each in (self.folder, self.backup))
        return [name for name in here if name != LOCK], there

    def copy(self, root: Path) -> Keeper:
        """Copy everything, for a run of its own."""
        shutil.copytree(self.root, root)
        return Keeper(root, self.entries)


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    """Make one with three entries."""
    made = Keeper(tmp_path / "made")
    made.root.mkdir()
    keys = make_school(made.root, now=BEGAN_AT).keys
    assert keys == made.root / "keys"
    made.backup.mkdir(parents=True)
    for path in made.folder.iterdir():
        shutil.copy(path, made.backup)
    store = KeyStore(made.store, load_school_keys(keys))
    for _ in range(3):
        recording, identity = new_id(), generate_x25519()
        store.put(recording, identity)
        made.entries[recording] = identity
    return made


def age_opens(entry: Path, identity: Path) -> bool:
    """Ask the stock program."""
    command = ["age", "--decrypt", "-i", str(identity), str(entry)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_old_identity_opens_nothing_after_a_rotation(keeper: Keeper, tmp_path: Path) -> None:
    """Told by the stock age: the new identity opens every entry, the old one none, and a copy of the old entries opens
    with nothing that is left, here or in the named backup."""
    (before,) = keeper.folder.iterdir()
    old = Path(shutil.copy(before, tmp_path / "old.key"))
    copies = shutil.copytree(keeper.store, tmp_path / "copies")
    assert all(age_opens(path, old) for path in copies.glob("*.age"))
    assert keeper.rotate() == len(keeper.entries)
    keeper.require_all()
    name = f"{BEGAN_AT + MONTH:%Y-%m-%d}.key"
    assert keeper.names() == ([name], [name])
    for entry in keeper.store.glob("*.age"):
        assert (age_opens(entry, keeper.folder / name), age_opens(entry, old)) == (True, False)
    for copy in copies.glob("*.age"):
        assert not any(age_opens(copy, folder / name) for folder in (keeper.folder, keeper.backup))


def _cuts(keeper: Keeper) -> range:
    files = CountingFiles()
    keeper.copy(keeper.root.with_name("counted")).rotate(files)
    assert len(files.names) > 30
    return range(1, len(files.names) + 1)


def _require_finished(keeper: Keeper) -> None:
    """Whatever was cut off: everything opens at once, and the next turn leaves one identity, here and there."""
    keeper.require_all()
    has_begun = len(list(keeper.folder.glob("*.key"))) == 2
    keeper.finish()
    keeper.require_all()
    here, there = keeper.names()
    assert len(here) == 1
    assert set(here) <= set(there)
    assert not has_begun or here == there == [f"{BEGAN_AT + MONTH:%Y-%m-%d}.key"]
    keeper.rotate()
    assert list(keeper.root.rglob(".*.new")) == []
    assert keeper.names()[0] == keeper.names()[1]


def test_rotation_loses_nothing_wherever_it_is_killed(keeper: Keeper, tmp_path: Path) -> None:
    """kill -9 at each operation of the disk: each entry opens at once, and the next turn finishes."""
    for at in _cuts(keeper):
        cut = keeper.copy(tmp_path / f"killed-{at}")
        with pytest.raises(Cut):
            cut.rotate(KilledFiles(at))
        _require_finished(cut)


def test_rotation_loses_nothing_wherever_the_power_goes(keeper: Keeper, tmp_path: Path) -> None:
    """The same with nothing left of what was not synced: no old identity is gone before every new entry is durable."""
    for at in _cuts(keeper):
        cut = keeper.copy(tmp_path / f"dark-{at}")
        files = PoweredFiles(cut.root, at)
        files.take_as_durable()
        with pytest.raises(Cut):
            cut.rotate(files)
        files.leave()
        _require_finished(cut)


def test_rotation_loses_nothing_wherever_the_disk_refuses(keeper: Keeper, tmp_path: Path) -> None:
    """One operation fails, the process lives on: the same."""
    for at in _cuts(keeper):
        cut = keeper.copy(tmp_path / f"refused-{at}")
        with pytest.raises(OSError, match="was refused"):
            cut.rotate(RefusingFiles(at))
        _require_finished(cut)


def test_damaged_entry_keeps_the_old_identity(keeper: Keeper) -> None:
    """An entry that opens with nothing may be put back from a backup, which needs the old identity: that one stays."""
    broken = next(keeper.store.glob("*.age"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    with pytest.raises(DamagedEntryError) as told:
        keeper.rotate()
    assert broken.stem not in str(told.value)
    assert [len(names) for names in keeper.names()] == [2, 2]
    assert keeper.start().store.damaged() == (broken.name,)
    broken.write_bytes(whole)
    keeper.finish()
    keeper.require_all()
    assert [len(names) for names in keeper.names()] == [1, 1]


def test_entry_of_two_identities_is_sealed_anew(keeper: Keeper) -> None:
    """What opens with the old identity as well is no entry that the rotation may leave: none opens with it alone."""
    rotator = keeper.start()
    rotator.begin(BEGAN_AT + MONTH, generate_x25519)
    recording, identity = next(iter(keeper.entries.items()))
    both = [one.recipient for one in rotator.keys.storage_identities]
    (keeper.store / f"{recording}.age").write_bytes(seal(f"{identity.encode()}\n".encode(), both))
    assert rotator.finish() == len(keeper.entries)
    keeper.require_all()


def test_destroyed_entry_does_not_come_back(keeper: Keeper) -> None:
    """While entries are re-wrapped others are destroyed and put: what is gone stays gone, what is new opens (P8)."""
    keys = load_school_keys(keeper.root / "keys")
    other = KeyStore(keeper.store, keys)
    gone, errors = [], []
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.is_set():
                recording, identity = new_id(), generate_x25519()
                other.put(recording, identity)
                keeper.entries[recording] = identity
                old = next(iter(keeper.entries))
                other.destroy(old)
                del keeper.entries[old]
                gone.append(old)
        except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    for month in range(1, 6):
        rotator = keeper.start()
        rotator.begin(BEGAN_AT + month * MONTH, generate_x25519)
        rotator.finish()
    stop.set()
    thread.join()
    assert errors == []
    assert len(gone) > 5
    keeper.require_all()
    assert not any((keeper.store / f"{name}.age").exists() for name in gone)


def test_reader_that_a_rotation_overtakes_reads_again(keeper: Keeper) -> None:
    """An entry that was read before and opened after the hand-over is read anew instead of being called lost."""
    recording, identity = next(iter(keeper.entries.items()))
    keys = load_school_keys(keeper.root / "keys")

    class Overtaken(KeyStore):
        turns = 0

        def _open(self, name: str) -> KeyIdentity:
            stale = self._path(name).read_bytes()
            if not self.turns:
                self.turns += 1
                keeper.rotate()
                return _open_with(stale, keys)
            return super()._open(name)

    assert Overtaken(keeper.store, keys).get(recording) == identity


def _open_with(sealed: bytes, keys: SchoolKeys) -> KeyIdentity:
    return parse_identities(open_sealed(sealed, keys.storage_identities).decode())[0]
