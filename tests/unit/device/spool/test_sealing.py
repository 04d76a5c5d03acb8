"""Sealing a segment: durable as it grows, exact about itself, and never in the clear."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.media.boxes import iterate_boxes
from device.spool.sealing import SegmentWriter
from protocol.durable import REAL
from protocol.envelope import CHUNK_BYTES, generate_x25519, open_sealed, recover
from protocol.manifest import TICKS_PER_SECOND, Sealed
from tests.fakes.cutfiles import CountingFiles, RefusingFiles
from tests.unit.device.spool.conftest import INIT, make_fragment

IDENTITY = generate_x25519()


def _writer(path: Path) -> SegmentWriter:
    return SegmentWriter(path, number=1, recipient=IDENTITY.recipient, files=REAL)


def test_header_is_on_the_disk_before_any_media(tmp_path: Path) -> None:
    """`opened` can name the digest of a header that is there: nothing else is in the file yet."""
    path = tmp_path / "000001.age"
    writer = _writer(path)
    with path.open("rb") as file:
        tail = recover(file)
    assert hashlib.sha256(tail.header).hexdigest() == writer.header_digest
    assert (tail.whole_chunks, tail.torn_bytes) == (0, 0)
    writer.abandon()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(40, 200_000), min_size=1, max_size=12))
def test_sealed_line_says_what_the_file_is(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    """Digest, length, init and the place of every fragment fit the file, whatever the fragments' sizes."""
    path = tmp_path_factory.mktemp("segment") / "000001.age"
    writer = _writer(path)
    writer.write_init(INIT)
    fragments = [make_fragment(number, size) for number, size in enumerate(sizes)]
    for fragment in fragments:
        writer.write_fragment(fragment)
    line = writer.finish()
    sealed = path.read_bytes()
    assert (line.digest, line.size_bytes) == (hashlib.sha256(sealed).hexdigest(), len(sealed))
    plaintext = open_sealed(sealed, [IDENTITY])
    assert plaintext[: line.init_bytes] == INIT.data
    for entry, fragment in zip(line.fragments, fragments, strict=True):
        assert plaintext[entry.offset : entry.offset + entry.length] == fragment.data
        assert (entry.start_ticks, entry.duration_ticks) == (fragment.start_ticks, fragment.duration_ticks)
    _check_padding(plaintext, line)


def _check_padding(plaintext: bytes, line: Sealed) -> None:
    """Between the fragments there are `free` boxes and nothing else."""
    kinds = [bytes(kind) for kind, _ in iterate_boxes(plaintext)]
    assert kinds.count(b"moof") == kinds.count(b"mdat") == len(line.fragments)
    assert set(kinds) <= {b"ftyp", b"moof", b"mdat", b"free"}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(40, 150_000), st.floats(0.04, 0.5)), min_size=1, max_size=10))
def test_cut_after_a_fragment_loses_at_most_a_quarter_second(
    tmp_path_factory: pytest.TempPathFactory, fragments: list[tuple[int, float]]
) -> None:
    """P4: at every bit rate, after each fragment all but 0.25 s of the media so far can be opened from the disk."""
    path = tmp_path_factory.mktemp("segment") / "000001.age"
    writer = _writer(path)
    writer.write_init(INIT)
    for number, (size, seconds) in enumerate(fragments):
        writer.write_fragment(make_fragment(number, size, seconds=seconds))
        with path.open("rb") as file:
            durable = recover(file, [IDENTITY]).plaintext_bytes
        lost = sum(
            entry.duration_ticks * max(0, entry.offset + entry.length - max(entry.offset, durable)) / entry.length
            for entry in writer.media.entries
        )
        assert lost <= TICKS_PER_SECOND / 4
    writer.abandon()


def test_padding_is_left_out_where_the_bit_rate_needs_none(tmp_path: Path) -> None:
    """At 4 Mbit/s a chunk is an eighth of a second: nothing is added to the footage."""
    writer = _writer(tmp_path / "000001.age")
    writer.write_init(INIT)
    for number in range(6):
        writer.write_fragment(make_fragment(number, 250_000))
    line = writer.finish()
    assert all(
        later.offset == entry.offset + entry.length
        for entry, later in zip(line.fragments, line.fragments[1:], strict=False)
    )


def test_every_fragment_is_flushed(tmp_path: Path) -> None:
    """One sync a fragment: that is what P4 costs, and what it needs."""
    files = CountingFiles()
    writer = SegmentWriter(tmp_path / "000001.age", number=1, recipient=IDENTITY.recipient, files=files)
    writer.write_init(INIT)
    before = files.names.count("sync")
    for number in range(5):
        writer.write_fragment(make_fragment(number, CHUNK_BYTES))
    assert files.names.count("sync") == before + 5
    writer.abandon()


def test_segment_that_stands_there_is_never_continued(tmp_path: Path) -> None:
    """A payload is never continued after a restart: a file of that name is an error."""
    path = tmp_path / "000001.age"
    path.write_bytes(b"what another writer began")
    with pytest.raises(FileExistsError):
        _writer(path)
    assert path.read_bytes() == b"what another writer began"


def test_segment_is_torn_after_a_refused_write(tmp_path: Path) -> None:
    """After the disk has refused once nothing more is written into that file."""
    counted = CountingFiles()
    whole = SegmentWriter(tmp_path / "a.age", number=1, recipient=IDENTITY.recipient, files=counted)
    whole.write_init(INIT)
    opened = len(counted.names)
    whole.abandon()
    files = RefusingFiles(opened + 1)
    writer = SegmentWriter(tmp_path / "b.age", number=1, recipient=IDENTITY.recipient, files=files)
    writer.write_init(INIT)
    with pytest.raises(OSError, match=f"Errno {errno.EIO}"):
        writer.write_fragment(make_fragment(0, 100_000))
    with pytest.raises(ValueError, match="torn"):
        writer.finish()
    writer.abandon()
