"""The store of unfinished uploads: what is told is durable, and what is refused leaves nothing behind."""

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.uploads.incoming import (
    BodyTooLongError,
    ChecksumMismatchError,
    FencedError,
    IncomingStore,
    StoreFaultError,
    UploadBusyError,
    UploadIncompleteError,
    UploadNotFoundError,
)
from controller.uploads.partial import PartialFiles
from protocol import tus

NOW = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)
DATA = bytes(range(256)) * 40
BLOCK_BYTES = 1000


class BrokenBody(io.RawIOBase):
    """A stream that gives its bytes a few at a time and then breaks, as a connection does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._data.readinto(buffer[:300])
        if not count:
            raise ConnectionResetError("the peer went away")
        return count


class ReadOnlyBody:
    """A stream that has `read` and nothing else, as WSGI asks."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


def a_store(root: Path, files: PartialFiles | None = None) -> IncomingStore:
    return IncomingStore(root, files, block_bytes=BLOCK_BYTES)


def test_upload_arrives_in_parts_and_is_hashed_on_the_way(tmp_path: Path) -> None:
    """Each append tells the new offset; the end is the file and its SHA-256."""
    store = a_store(tmp_path)
    claim = store.create("u1", length_bytes=len(DATA), expires_at=NOW, metadata={"name": b"a"})
    assert claim.upload == tus.UploadState("u1", len(DATA), 0, NOW, {"name": b"a"})
    claim = store.append(claim, io.BytesIO(DATA[:4321]), limit_bytes=len(DATA))
    assert claim.upload.offset == store.offset("u1") == 4321
    claim = store.append(store.claim("u1"), ReadOnlyBody(DATA[4321:]), limit_bytes=len(DATA) - 4321)
    assert claim.upload.is_complete
    finished = store.finish("u1")
    assert finished.path.read_bytes() == DATA
    assert (finished.sha256, finished.size_bytes) == (hashlib.sha256(DATA).digest(), len(DATA))


def test_one_claim_may_append_again_and_again(tmp_path: Path) -> None:
    """The claim that comes back is good for the next body; the one that went in is used up."""
    store = a_store(tmp_path)
    first = store.create("u1", length_bytes=9)
    second = store.append(first, io.BytesIO(b"abc"), limit_bytes=9)
    with pytest.raises(FencedError):
        store.append(first, io.BytesIO(b"xyz"), limit_bytes=9)
    assert store.append(second, io.BytesIO(b"def"), limit_bytes=6).upload.offset == 6
    assert (tmp_path / "u1.part").read_bytes() == b"abcdef"


def test_empty_upload_is_whole_at_once(tmp_path: Path) -> None:
    """Length 0 can be finished without a body."""
    store = a_store(tmp_path)
    store.create("u1", length_bytes=0)
    assert store.finish("u1").sha256 == hashlib.sha256(b"").digest()


def test_finish_before_the_end_is_refused(tmp_path: Path) -> None:
    """An upload that is not whole has no digest."""
    store = a_store(tmp_path)
    store.append(store.create("u1", length_bytes=9), io.BytesIO(b"abc"), limit_bytes=9)
    with pytest.raises(UploadIncompleteError, match="expected 9 bytes, got 3"):
        store.finish("u1")


def test_restarted_store_knows_offset_metadata_and_digest(tmp_path: Path) -> None:
    """After a restart the digest is made from the file, and then goes on with what comes."""
    store = a_store(tmp_path)
    claim = store.create("u1", length_bytes=len(DATA), expires_at=NOW, metadata={"name": b"a", "flag": b""})
    store.append(claim, io.BytesIO(DATA[:5000]), limit_bytes=len(DATA))
    store = a_store(tmp_path)
    claim = store.claim("u1")
    assert claim.upload == tus.UploadState("u1", len(DATA), 5000, NOW, {"name": b"a", "flag": b""})
    store.append(claim, io.BytesIO(DATA[5000:]), limit_bytes=len(DATA) - 5000)
    assert store.finish("u1").sha256 == hashlib.sha256(DATA).digest()
    assert a_store(tmp_path).finish("u1").sha256 == hashlib.sha256(DATA).digest()


def test_body_that_breaks_off_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    """The stream's own error goes on to the caller, and the bytes before it are durable."""
    store = a_store(tmp_path)
    claim = store.create("u1", length_bytes=len(DATA))
    with pytest.raises(ConnectionResetError):
        store.append(claim, BrokenBody(DATA[:2222]), limit_bytes=len(DATA))
    assert store.offset("u1") == a_store(tmp_path).offset("u1") == 2222
    claim = store.append(store.claim("u1"), io.BytesIO(DATA[2222:]), limit_bytes=len(DATA) - 2222)
    assert store.finish("u1").sha256 == hashlib.sha256(DATA).digest()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_body_with_the_right_checksum_is_kept(tmp_path: Path, algorithm: str) -> None:
    """A checksum covers one body, not the file; what is kept needs no note any more."""
    store = a_store(tmp_path)
    claim = store.append(store.create("u1", length_bytes=len(DATA)), io.BytesIO(DATA[:100]), limit_bytes=100)
    checksum = tus.checksum_of(DATA[100:], algorithm)
    claim = store.append(claim, io.BytesIO(DATA[100:]), limit_bytes=len(DATA) - 100, checksum=checksum)
    assert claim.upload.is_complete
    assert a_store(tmp_path).finish("u1").sha256 == hashlib.sha256(DATA).digest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["u1.info", "u1.part"]


def test_body_with_a_wrong_checksum_leaves_nothing_behind(tmp_path: Path) -> None:
    """The file is cut back, the digest too, and the same claim can be used for the right body."""
    store = a_store(tmp_path)
    claim = store.append(store.create("u1", length_bytes=len(DATA)), io.BytesIO(DATA[:100]), limit_bytes=100)
    with pytest.raises(ChecksumMismatchError):
        store.append(claim, io.BytesIO(b"x" * 5000), limit_bytes=5000, checksum=tus.checksum_of(b"y"))
    assert sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir())[1:] == [("u1.part", 100)]
    store.append(claim, io.BytesIO(DATA[100:]), limit_bytes=len(DATA) - 100)
    assert store.finish("u1").sha256 == hashlib.sha256(DATA).digest()


def test_body_with_a_checksum_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    """What cannot be checked as a whole is not kept in part."""
    store = a_store(tmp_path)
    claim = store.create("u1", length_bytes=len(DATA))
    with pytest.raises(ConnectionResetError):
        store.append(claim, BrokenBody(DATA[:2222]), limit_bytes=len(DATA), checksum=tus.checksum_of(DATA))
    assert store.offset("u1") == a_store(tmp_path).offset("u1") == 0


def test_body_that_goes_on_beyond_its_limit_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not one byte past the announced length reaches the file, and the body before it is not believed either."""
    store = a_store(tmp_path)
    claim = store.append(store.create("u1", length_bytes=1005), io.BytesIO(b"12345"), limit_bytes=5)
    with pytest.raises(BodyTooLongError):
        store.append(claim, io.BytesIO(b"x" * 1001), limit_bytes=1000)
    assert store.offset("u1") == 5
    assert (tmp_path / "u1.part").read_bytes() == b"12345"
    with pytest.raises(ValueError, match="expected 0 to 1000, got 1001"):
        store.append(store.claim("u1"), io.BytesIO(b""), limit_bytes=1001)


def test_empty_body_changes_nothing(tmp_path: Path) -> None:
    """A body of no bytes is no error, with a checksum or without, and leaves no note that could cut off bytes later."""
    store = a_store(tmp_path)
    claim = store.append(store.create("u1", length_bytes=9), io.BytesIO(b""), limit_bytes=9)
    claim = store.append(claim, io.BytesIO(b""), limit_bytes=9, checksum=tus.checksum_of(b""))
    with pytest.raises(ChecksumMismatchError):
        store.append(claim, io.BytesIO(b""), limit_bytes=9, checksum=tus.checksum_of(b"x"))
    store.append(claim, io.BytesIO(b"abc"), limit_bytes=9)
    assert a_store(tmp_path).offset("u1") == 3


@pytest.mark.parametrize("upload_id", ["", "nobody", "../u1", "a/b", "u1.info", ".", "x" * 65, "ü", "u1\n"])
def test_upload_that_is_not_here_is_said_to_be_not_here(tmp_path: Path, upload_id: str) -> None:
    """Names from an address are looked up, never followed out of the folder."""
    store = a_store(tmp_path)
    store.create("u1", length_bytes=1)
    with pytest.raises(UploadNotFoundError):
        store.claim(upload_id)
    with pytest.raises(UploadNotFoundError):
        store.finish(upload_id)
    store.discard(upload_id)
    assert store.upload_ids() == ["u1"]


def test_identifier_is_used_once(tmp_path: Path) -> None:
    """Making an upload over another one is refused and does not touch it."""
    store = a_store(tmp_path)
    store.append(store.create("u1", length_bytes=9), io.BytesIO(b"abc"), limit_bytes=9)
    with pytest.raises(StoreFaultError, match="exists"):
        store.create("u1", length_bytes=9)
    assert store.offset("u1") == 3


def test_upload_that_was_moved_away_is_gone(tmp_path: Path) -> None:
    """Once the object store has taken the file, nothing can be finished or written, and the rest is cleared."""
    store = a_store(tmp_path)
    claim = store.append(store.create("u1", length_bytes=3), io.BytesIO(b"abc"), limit_bytes=3)
    store.finish("u1").path.rename(tmp_path / "elsewhere.age")
    for act in (store.claim, store.finish):
        with pytest.raises(UploadNotFoundError):
            act("u1")
    with pytest.raises(FencedError):
        store.append(claim, io.BytesIO(b""), limit_bytes=0)
    store.let_go("u1")
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.age"]


def test_discarded_upload_is_gone(tmp_path: Path) -> None:
    """Its files are gone, and the claim on it is worth nothing."""
    store = a_store(tmp_path)
    claim = store.create("u1", length_bytes=9)
    store.discard("u1")
    with pytest.raises(UploadNotFoundError):
        store.append(claim, io.BytesIO(b"abc"), limit_bytes=9)
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_longer_than_announced_is_cut_off(tmp_path: Path) -> None:
    """Whatever a crash or a hand left behind the announced length is not kept."""
    store = a_store(tmp_path)
    store.create("u1", length_bytes=3)
    (tmp_path / "u1.part").write_bytes(b"abcdef")
    assert store.offset("u1") == 3
    assert store.finish("u1").sha256 == hashlib.sha256(b"abc").digest()


def test_file_that_lost_its_end_is_hashed_afresh(tmp_path: Path) -> None:
    """An offset is what the file holds, and the digest is never of bytes that are no longer there."""
    store = a_store(tmp_path)
    store.append(store.create("u1", length_bytes=6), io.BytesIO(b"abcdef"), limit_bytes=6)
    os.truncate(tmp_path / "u1.part", 2)
    claim = store.claim("u1")
    assert claim.upload.offset == 2
    store.append(claim, io.BytesIO(b"CDEF"), limit_bytes=4)
    assert store.finish("u1").sha256 == hashlib.sha256(b"abCDEF").digest()


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"length_bytes":1}', b"\xff", b'{"expires_at":"x"}\0\0'])
def test_damaged_info_file_is_named(tmp_path: Path, content: bytes) -> None:
    """The error names the file; nothing is guessed."""
    a_store(tmp_path).create("u1", length_bytes=3)
    (tmp_path / "u1.info").write_bytes(content)
    with pytest.raises(StoreFaultError, match=r"u1\.info: damaged"):
        a_store(tmp_path).claim("u1")


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b'{"expires_at":nul', b'{"expires_at"\0\0'])
def test_upload_that_a_power_cut_left_half_announced_is_none(tmp_path: Path, content: bytes) -> None:
    """Nothing of it was acknowledged: whoever asks for it makes it anew, and the sweep takes it away."""
    a_store(tmp_path).create("u1", length_bytes=3)
    (tmp_path / "u1.info").write_bytes(content)
    store = a_store(tmp_path)
    with pytest.raises(UploadNotFoundError):
        store.claim("u1")
    assert store.sweep(NOW) == []
    assert list(tmp_path.iterdir()) == []


def test_sweep_removes_what_expired_unfinished_and_nothing_else(tmp_path: Path) -> None:
    """Whole uploads, uploads without an expiry, and those whose time has not come stay."""
    store = a_store(tmp_path)
    for name, expires_at in [("old", NOW), ("new", NOW + timedelta(seconds=1)), ("ever", None), ("whole", NOW)]:
        store.create(name, length_bytes=3, expires_at=expires_at)
    store.append(store.claim("whole"), io.BytesIO(b"abc"), limit_bytes=3)
    assert store.sweep(NOW) == ["old"]
    assert store.upload_ids() == ["ever", "new", "whole"]
    with pytest.raises(UploadNotFoundError):
        store.claim("old")


def test_sweep_clears_what_crashes_left_behind(tmp_path: Path) -> None:
    """Drafts, notes and part files without an upload go; files that are not ours stay."""
    store = a_store(tmp_path)
    store.create("u1", length_bytes=3)
    for name in (".u2.info.77.new", "u3.part", "u4.unverified", "u5.info", "not ours.txt", ".hidden file"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "u5.info").write_bytes((tmp_path / "u1.info").read_bytes())
    assert store.sweep(NOW) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden file", "not ours.txt", "u1.info", "u1.part"]


def test_sweep_of_another_process_leaves_alone_what_is_written_to(tmp_path: Path) -> None:
    """The part file is locked while a body arrives; sweep and discard elsewhere see that."""
    store, other = a_store(tmp_path), a_store(tmp_path)

    class Sweeping(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert other.sweep(NOW) == []
            with pytest.raises(UploadBusyError):
                other.discard("u1")
            with pytest.raises(UploadBusyError):
                other.claim("u1")
            return super().read(size)

        readinto = None  # type: ignore[assignment]

    claim = store.create("u1", length_bytes=3, expires_at=NOW)
    assert store.append(claim, Sweeping(b"abc"), limit_bytes=3).upload.is_complete


def test_upload_swept_by_another_process_is_gone_here_too(tmp_path: Path) -> None:
    """What this process remembers never outweighs what the disk says."""
    store, other = a_store(tmp_path), a_store(tmp_path)
    claim = store.create("u1", length_bytes=3, expires_at=NOW)
    assert other.sweep(NOW) == ["u1"]
    with pytest.raises(UploadNotFoundError):
        store.append(claim, io.BytesIO(b"abc"), limit_bytes=3)
    with pytest.raises(UploadNotFoundError):
        store.claim("u1")


def test_upload_swept_between_open_and_lock_takes_no_bytes(tmp_path: Path) -> None:
    """A file that lost its name before it was locked is gone: the body is not even read."""

    class Late(PartialFiles):
        is_late = False

        def try_lock(self, descriptor: int) -> bool:
            assert not self.is_late or a_store(tmp_path).sweep(NOW) == ["u1"]
            return super().try_lock(descriptor)

    a_store(tmp_path).create("u1", length_bytes=3, expires_at=NOW)
    files = Late()
    store = a_store(tmp_path, files)
    claim = store.claim("u1")
    files.is_late = True
    body = io.BytesIO(b"abc")
    with pytest.raises(UploadNotFoundError):
        store.append(claim, body, limit_bytes=3)
    assert body.tell() == 0


def test_full_disk_is_told_with_its_number_and_keeps_what_fitted(tmp_path: Path) -> None:
    """A disk error is not taken for a network error, and the upload can go on when there is room again."""

    class Filling(PartialFiles):
        room = 1500

        def write_at(self, descriptor: int, data: memoryview, offset: int) -> int:
            if offset >= self.room:
                raise OSError(28, "No space left on device")
            return super().write_at(descriptor, data[: self.room - offset], offset)

    files = Filling()
    store = a_store(tmp_path, files)
    with pytest.raises(StoreFaultError, match="No space left") as caught:
        store.append(store.create("u1", length_bytes=len(DATA)), io.BytesIO(DATA), limit_bytes=len(DATA))
    assert caught.value.errno == 28
    assert store.offset("u1") == 1500
    files.room = len(DATA)
    store.append(store.claim("u1"), io.BytesIO(DATA[1500:]), limit_bytes=len(DATA) - 1500)
    assert store.finish("u1").sha256 == hashlib.sha256(DATA).digest()
