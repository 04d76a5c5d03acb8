"""Faults at every write, sync, cut, rename and removal of the store of unfinished uploads, one after the other.

Two kinds. The power goes: a new store opens what a journaling disk may then hold, which is any beginning of the names
changed since their folder was synced, and of each file what was synced, all of it, or something in between. The disk
refuses once and forgets what it had not yet written: the same store must go on.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from controller.uploads.incoming import (
    BodyTooLongError,
    ChecksumMismatchError,
    FencedError,
    IncomingStore,
    StoreFaultError,
    UploadNotFoundError,
)
from controller.uploads.partial import PartialFiles, disk_faults
from protocol import tus

NOW = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)
DATA = bytes(range(1, 251)) * 4
Kept = Callable[[bytes, bytes], bytes]  # what was synced of a file, what was written to it -> what is found


class PowerCut(BaseException):
    """The process is no more; no handler may run after it in a real one, so that every further operation raises."""


class WatchedFiles(PartialFiles):
    """The real file system with a count of the operations that change the disk, and a fault at one of them.

    Nothing is really synced: the system does not go down, and what a sync is worth is what these classes keep of it.
    """

    def __init__(self, fault_at: int | None = None) -> None:
        self.operations = 0
        self.fault_at = fault_at

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        if flags & os.O_CREAT:
            self.reach("open", path)
        return super().open(path, flags, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self.reach("write", descriptor)
        return super().write(descriptor, data)

    def write_at(self, descriptor: int, data: memoryview, offset: int) -> int:
        self.reach("write", descriptor)
        return super().write_at(descriptor, data[:70], offset)

    def sync(self, descriptor: int) -> None:
        self.reach("sync", descriptor)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self.reach("truncate", descriptor)
        super().truncate(descriptor, size_bytes)

    def replace(self, source: Path, target: Path) -> None:
        self.reach("replace", source)
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self.reach("unlink", path)
        super().unlink(path)

    def sync_folder(self, path: Path) -> None:
        self.reach("sync_folder", path)

    def reach(self, operation: str, on: Path | int) -> None:
        """Count an operation, and fail it if it is its turn."""
        self.operations += 1
        if self.fault_at == self.operations:
            self.fail(operation, on)

    def fail(self, operation: str, on: Path | int) -> None:
        """What a fault is."""


class RefusingFiles(WatchedFiles):
    """A disk that refuses once. A refused sync loses what it was to write, and later syncs say nothing of it."""

    def __init__(self, fault_at: int | None = None) -> None:
        super().__init__(fault_at)
        self.synced: dict[int, int] = {}

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self.synced[os.fstat(descriptor).st_ino] = os.fstat(descriptor).st_size

    def fail(self, operation: str, on: Path | int) -> None:
        if operation == "sync" and isinstance(on, int):
            synced, size = self.synced.get(os.fstat(on).st_ino, 0), os.fstat(on).st_size
            if synced < size:
                os.pwrite(on, bytes(size - synced), synced)
        raise OSError(5, f"Input/output error in {operation}")


class PoweredFiles(WatchedFiles):
    """A disk whose power goes; `remains` gives every folder that may then be found."""

    def __init__(self, root: Path, fault_at: int | None = None) -> None:
        super().__init__(fault_at)
        self.root = root
        self.is_cut = False
        self.names: list[dict[str, int]] = [{}]  # the durable state, and each later one: name -> file
        self.synced: dict[int, bytes] = {}
        self.handles: dict[int, int] = {}

    def reach(self, operation: str, on: Path | int) -> None:
        if self.is_cut:
            raise PowerCut
        super().reach(operation, on)

    def fail(self, operation: str, on: Path | int) -> None:
        self.is_cut = True
        raise PowerCut

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        descriptor = super().open(path, flags, mode)
        self._see_names()
        return descriptor

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self._see_names()

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self._see_names()

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self.synced[os.fstat(descriptor).st_ino] = self._content(os.fstat(descriptor).st_ino)

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self.names = self.names[-1:]

    def remains(self, kept: Kept) -> Iterator[dict[str, bytes]]:
        """Give each folder that may be found after the cut, as names and contents."""
        for names in self.names:
            yield {name: kept(self.synced.get(file, b""), self._content(file)) for name, file in names.items()}

    def close_all(self) -> None:
        """Let go of the files that were held for their content."""
        for handle in self.handles.values():
            os.close(handle)

    def _see_names(self) -> None:
        names = {}
        for path in self.root.iterdir():
            names[path.name] = file = path.stat().st_ino
            if file not in self.handles:  # held open, so that its number is not used again
                self.handles[file] = os.open(path, os.O_RDONLY)
        if names != self.names[-1]:
            self.names.append(names)

    def _content(self, file: int) -> bytes:
        handle = self.handles[file]
        return os.pread(handle, os.fstat(handle).st_size, 0)


@dataclass
class Log:
    """What a client was told, which is what a disk must still hold."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    removing: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)


class BrokenBody:
    """A stream that ends in an error."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size_bytes: int) -> bytes:
        if block := self._data.read(size_bytes):
            return block
        raise ConnectionResetError


def a_lesson(store: IncomingStore, files: WatchedFiles, log: Log) -> Iterator[None]:
    """Everything that can happen to uploads, in steps; each notes in the log what was told."""
    for name in ("u1", "u2"):
        log.acknowledged[name] = store.create(name, length_bytes=len(DATA), expires_at=NOW).upload.offset
        yield
    for name in ("u1", "u2"):
        yield from _bodies(store, log, name)
    log.removing.add("u1")
    store.discard("u1")
    log.removed.add("u1")
    yield
    log.acknowledged["u3"] = store.create("u3", length_bytes=len(DATA)).upload.offset
    yield
    yield from _whole_at_once(store, files, log)


def _whole_at_once(store: IncomingStore, files: WatchedFiles, log: Log) -> Iterator[None]:
    """An object that comes in one body, and is moved away before anybody is told of it."""
    claim = store.create("u4", length_bytes=len(DATA))
    log.acknowledged["u4"] = 0
    yield
    log.removing.add("u4")
    store.append(claim, io.BytesIO(DATA), limit_bytes=len(DATA))
    yield
    finished = store.finish("u4")
    with disk_faults(finished.path):
        files.replace(finished.path, finished.path.with_name("moved u4"))
        files.sync_folder(finished.path.parent)
    log.moved.add("u4")
    yield
    store.let_go("u4")
    yield


def _bodies(store: IncomingStore, log: Log, name: str) -> Iterator[None]:
    """A plain body, a checked one, a damaged, a broken, and a too long one; then the rest."""

    def send(body: io.BytesIO | BrokenBody, checksum: tus.Checksum | None = None) -> None:
        claim = store.claim(name)
        log.acknowledged[name] = claim.upload.offset
        limit_bytes = len(DATA) - claim.upload.offset
        with suppress(ConnectionResetError, ChecksumMismatchError, BodyTooLongError):
            log.acknowledged[name] = store.append(claim, body, limit_bytes=limit_bytes, checksum=checksum).upload.offset

    def rest() -> bytes:
        return DATA[log.acknowledged[name] :]

    send(io.BytesIO(rest()[:100]))
    yield
    send(io.BytesIO(rest()[:150]), tus.checksum_of(rest()[:150]))
    yield
    send(io.BytesIO(b"\0" * 90), tus.checksum_of(b"something else"))
    yield
    send(BrokenBody(rest()[:130]))
    yield
    send(BrokenBody(b"\0" * 60), tus.checksum_of(b"something else"))
    yield
    send(io.BytesIO(rest() + b"\0"))
    yield
    send(io.BytesIO(rest()))
    yield


def check_upload(store: IncomingStore, root: Path, name: str, acknowledged: int) -> None:
    """What is told is at least what was told before, is on the disk, and is right."""
    offset = store.offset(name)
    assert acknowledged <= offset <= len(DATA)
    assert (root / f"{name}.part").read_bytes() == DATA[:offset]
    if offset == len(DATA):
        assert store.finish(name).sha256 == hashlib.sha256(DATA).digest()


def check_reopened(root: Path, log: Log) -> None:
    """A new process finds every upload that was told to exist, at its offset at least, and can end each of them."""
    store = IncomingStore(root, WatchedFiles())
    there = set(store.upload_ids())
    assert {name for name, offset in log.acknowledged.items() if offset} - log.removing <= there
    assert all((root / f"moved {name}").read_bytes() == DATA for name in log.moved)
    assert not log.removed & there
    for name in sorted(there):
        told = log.acknowledged.get(name, 0) if name not in log.removing else 0
        try:
            check_upload(store, root, name, told)
        except UploadNotFoundError:  # half a removal, or half of one that was made and of which nothing came
            assert not log.acknowledged.get(name) or name in log.removing
            continue
        claim = store.claim(name)
        rest = DATA[claim.upload.offset :]
        store.append(claim, io.BytesIO(rest), limit_bytes=len(rest), checksum=tus.checksum_of(rest))
        assert store.finish(name).sha256 == hashlib.sha256(DATA).digest()
    store.sweep(NOW)
    expected = {f"{name}.{kind}" for name in store.upload_ids() for kind in ("info", "part")}
    assert {path.name for path in root.iterdir() if not path.name.startswith("moved")} == expected


def count_operations(root: Path) -> int:
    """Play the lesson without a fault and tell how many places there are for one."""
    files = WatchedFiles()
    log = Log()
    for _ in a_lesson(IncomingStore(root, files, block_bytes=64), files, log):
        pass
    assert log.acknowledged == {"u1": len(DATA), "u2": len(DATA), "u3": 0, "u4": 0}
    return files.operations


KEPT: dict[str, Kept] = {
    "what was synced": lambda synced, _: synced,
    "what was written": lambda _, written: written,
    "a part of it": lambda synced, written: written[: (len(synced) + len(written)) // 2],
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_power_cut_at_any_operation_loses_nothing_that_was_acknowledged(tmp_path: Path, kept: Kept) -> None:
    """At each operation, for each folder that may be found: acknowledged bytes are there, and none is wrong."""
    folders = count()
    for fault_at in range(1, count_operations(tmp_path / "whole") + 1):
        root, log = tmp_path / f"cut-{fault_at}", Log()
        files = PoweredFiles(root, fault_at)
        with pytest.raises(PowerCut):
            for _ in a_lesson(IncomingStore(root, files, block_bytes=64), files, log):
                pass
        for contents in files.remains(kept):
            found = tmp_path / f"found-{next(folders)}"
            found.mkdir()
            for name, content in contents.items():
                (found / name).write_bytes(content)
            check_reopened(found, log)
        files.close_all()


def test_power_cut_after_a_restart_loses_nothing_that_was_told_in_between(tmp_path: Path) -> None:
    """Killed at each operation, started again, asked for its offsets, and cut from power: these offsets stand."""
    for fault_at in range(1, count_operations(tmp_path / "whole") + 1):
        root, log = tmp_path / f"killed-{fault_at}", Log()
        files = PoweredFiles(root, fault_at)
        with pytest.raises(PowerCut):
            for _ in a_lesson(IncomingStore(root, files, block_bytes=64), files, log):
                pass
        files.is_cut, files.fault_at = False, None
        store = IncomingStore(root, files)
        for name in set(store.upload_ids()) - log.removing:
            with suppress(UploadNotFoundError):
                log.acknowledged[name] = store.offset(name)
        for number, contents in enumerate(files.remains(KEPT["what was synced"])):
            found = tmp_path / f"found-{fault_at}-{number}"
            found.mkdir()
            for name, content in contents.items():
                (found / name).write_bytes(content)
            check_reopened(found, log)
        files.close_all()


def test_refusal_of_the_disk_at_any_operation_does_no_harm(tmp_path: Path) -> None:
    """The store says so, goes on, and never tells an offset whose bytes the failed sync had lost."""
    for fault_at in range(1, count_operations(tmp_path / "whole") + 1):
        root, log = tmp_path / f"refused-{fault_at}", Log()
        files = RefusingFiles(fault_at)
        store = IncomingStore(root, files, block_bytes=64)
        with suppress(StoreFaultError):
            for _ in a_lesson(store, files, log):
                pass
        for name, acknowledged in log.acknowledged.items():
            if name not in log.removing:
                check_upload(store, root, name, acknowledged)
        check_reopened(root, log)


def test_disk_that_stays_broken_tells_nothing_that_is_not_durable(tmp_path: Path) -> None:
    """While every operation fails, every question fails; afterwards the acknowledged bytes are all that is told."""

    class BrokenFiles(RefusingFiles):
        def reach(self, operation: str, on: Path | int) -> None:
            self.operations += 1
            if self.fault_at is not None and self.operations >= self.fault_at:
                self.fail(operation, on)

    for fault_at in range(1, count_operations(tmp_path / "whole") + 1):
        root, log = tmp_path / f"broken-{fault_at}", Log()
        files = BrokenFiles(fault_at)
        store = IncomingStore(root, files, block_bytes=64)
        with suppress(StoreFaultError):
            for _ in a_lesson(store, files, log):
                pass
        with suppress(StoreFaultError, FencedError):
            for name in log.acknowledged.keys() - log.removing:
                assert store.offset(name) == log.acknowledged[name]
        files.fault_at = None
        for name, acknowledged in log.acknowledged.items():
            if name not in log.removing:
                check_upload(store, root, name, acknowledged)
