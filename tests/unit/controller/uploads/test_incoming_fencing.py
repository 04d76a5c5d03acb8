"""A newer request fences an older one: at once, for ever, and without losing what came before."""

import io
import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest

from controller.uploads.incoming import Claim, FencedError, IncomingStore, UploadNotFoundError
from protocol import tus

DATA = bytes(range(256)) * 40
PATIENCE_S = 30


class HungBody(io.RawIOBase):
    """A stream that gives its first bytes, hangs until it is let go, and then gives bytes that nobody wants."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self.hangs = Event()
        self.let_go = Event()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if count := self._data.readinto(buffer):
            return count
        self.hangs.set()
        assert self.let_go.wait(PATIENCE_S)
        buffer[:] = b"!" * len(buffer)
        return len(buffer)


@contextmanager
def a_hung_append(
    store: IncomingStore, claim: Claim, data: bytes, checksum: tus.Checksum | None = None
) -> Iterator[tuple[HungBody, "Future[Claim]"]]:
    """Begin an append whose stream hangs after `data`; it is let go at the end in any case."""
    body, limit_bytes = HungBody(data), claim.upload.length - claim.upload.offset
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(store.append, claim, body, limit_bytes=limit_bytes, checksum=checksum)
        try:
            assert body.hangs.wait(PATIENCE_S)
            yield body, future
        finally:
            body.let_go.set()


def test_offset_is_told_while_a_body_hangs(tmp_path: Path) -> None:
    """The question does not wait for the stream: it is answered while the older request still hangs in its read."""
    store = IncomingStore(tmp_path)
    with a_hung_append(store, store.create("u1", length_bytes=len(DATA)), DATA[:2500]) as (body, future):
        assert store.offset("u1") == 2500
        assert not future.done()
        assert not body.let_go.is_set()


def test_fenced_body_writes_not_one_byte_more(tmp_path: Path) -> None:
    """The older request, let go after the newer has begun, is refused, and the file is the newer one's."""
    store = IncomingStore(tmp_path)
    with a_hung_append(store, store.create("u1", length_bytes=len(DATA)), DATA[:2500]) as (body, future):
        claim = store.append(store.claim("u1"), io.BytesIO(DATA[2500:4000]), limit_bytes=1500)
        body.let_go.set()
        with pytest.raises(FencedError):
            future.result(PATIENCE_S)
        assert store.append(claim, io.BytesIO(DATA[4000:]), limit_bytes=len(DATA) - 4000).upload.is_complete
    assert store.finish("u1").path.read_bytes() == DATA


def test_fenced_body_that_was_to_be_checked_is_lost(tmp_path: Path) -> None:
    """Its checksum can never be confirmed, so that the offset is the one from before, and on the disk too."""
    store = IncomingStore(tmp_path)
    claim = store.append(store.create("u1", length_bytes=len(DATA)), io.BytesIO(DATA[:10]), limit_bytes=10)
    with a_hung_append(store, claim, b"damaged" * 99, tus.checksum_of(DATA[10:])) as (body, future):
        assert store.offset("u1") == 10
        assert (tmp_path / "u1.part").read_bytes() == DATA[:10]
        body.let_go.set()
        with pytest.raises(FencedError):
            future.result(PATIENCE_S)
    store.append(store.claim("u1"), io.BytesIO(DATA[10:]), limit_bytes=len(DATA) - 10)
    assert store.finish("u1").path.read_bytes() == DATA


def test_discard_fences_too(tmp_path: Path) -> None:
    """A body that hangs while its upload is removed does not bring it back."""
    store = IncomingStore(tmp_path)
    with a_hung_append(store, store.create("u1", length_bytes=len(DATA)), DATA[:2500]) as (body, future):
        store.discard("u1")
        body.let_go.set()
        with pytest.raises(FencedError):
            future.result(PATIENCE_S)
    assert list(tmp_path.iterdir()) == []


def test_claim_alone_fences(tmp_path: Path) -> None:
    """A claim that is not used for a body still makes the earlier one worthless; only one body may use a claim."""
    store = IncomingStore(tmp_path)
    first = store.create("u1", length_bytes=len(DATA))
    with a_hung_append(store, first, b""), pytest.raises(FencedError, match="used already"):
        store.append(first, io.BytesIO(b"abc"), limit_bytes=3)
    first, second = store.claim("u1"), store.claim("u1")
    with pytest.raises(FencedError):
        store.append(first, io.BytesIO(b"abc"), limit_bytes=3)
    assert store.append(second, io.BytesIO(DATA[second.upload.offset :]), limit_bytes=len(DATA)).upload.is_complete


def test_racing_uploads_never_mix_their_bytes(tmp_path: Path) -> None:
    """Four clients send the same file at once, each from where it is told: the file is right at every offset told."""
    store = IncomingStore(tmp_path, block_bytes=64)
    store.create("u1", length_bytes=len(DATA))

    def race(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 (a schedule, no secret)
        while not (claim := store.claim("u1")).upload.is_complete:
            offset, length = claim.upload.offset, chance.randrange(1, 900)
            body = DATA[offset : offset + length]
            checksum = tus.checksum_of(body) if chance.random() < 0.3 else None
            with suppress(FencedError):
                claim = store.append(claim, io.BytesIO(body), limit_bytes=len(DATA) - offset, checksum=checksum)
                assert claim.upload.offset == offset + len(body)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(4)))
    assert store.finish("u1").path.read_bytes() == DATA
    store.discard("u1")
    with pytest.raises(UploadNotFoundError):
        store.claim("u1")
