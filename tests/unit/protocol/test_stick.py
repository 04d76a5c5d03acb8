"""The records inside a stick's sealed file: order, lengths and limits; flips, cuts and foreign heads are refused."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.envelope import EnvelopeError, Identity, OpenReader, generate_x25519, seal
from protocol.errors import ProtocolError
from protocol.stick import (
    FOLLOWS,
    GIB,
    LAST_INDEX,
    MIB,
    MOST_BYTES,
    RECORD_BYTES,
    Head,
    Kind,
    StickError,
    Way,
    class_of,
    content_that_fits,
    encode_head,
    padding_bytes,
    parse_head,
    read_records,
    record_header,
    verify_head,
)
from tests.school import new_id

HEAD = Head(
    device=new_id(),
    made_at=datetime(2026, 11, 24, 15, tzinfo=UTC),
    certificate="ab" * 32,
    return_to=str(generate_x25519().recipient),
    everything=True,
)


def record(kind: Kind, body: bytes = b"", index: int = 0) -> bytes:
    """Frame one record."""
    return record_header(kind, len(body), index) + body


def content(*records: bytes, way: Way = Way.TO_SCHOOL) -> bytes:
    """Put a way's first bytes before records."""
    return way.value + b"".join(records)


WHOLE = content(
    record(Kind.HEAD, b"head"),
    record(Kind.STATEMENT, b"word\n"),
    record(Kind.MANIFEST, b"lines\n"),
    record(Kind.OBJECT, b"k" * 200),
    record(Kind.OBJECT, b"s" * 70_000, 1),
    record(Kind.MANIFEST, b"more\n"),
    record(Kind.PADDING, bytes(1000)),
    record(Kind.END),
)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Give data in pieces of a size."""
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, way: Way = Way.TO_SCHOOL, *, size: int = 4096) -> list[tuple[Kind, int, bytes]]:
    """Read everything."""
    return [(one.kind, one.index, one.read_all()) for one in read_records(pieces(data, size), way)]


@pytest.mark.parametrize("size", [1, 7, 65_536, 10**6])
def test_records_come_as_they_were_written_however_they_are_cut_into_pieces(size: int) -> None:
    """Whole, byte by byte and chunk by chunk: the same records."""
    found = read(WHOLE, size=size)
    assert [kind for kind, _, _ in found] == [1, 2, 3, 4, 4, 3, 6, 7]
    assert found[4] == (Kind.OBJECT, 1, b"s" * 70_000)


def test_record_that_is_not_read_is_passed_over() -> None:
    """Whoever takes only the kinds reads the same order."""
    assert [one.kind for one in read_records(pieces(WHOLE, 100), Way.TO_SCHOOL)] == [1, 2, 3, 4, 4, 3, 6, 7]


def test_content_that_ends_early_is_no_whole_one() -> None:
    """Cut at any byte it raises, and never gives END."""
    for size in (*range(0, 400), len(WHOLE) - 1, len(WHOLE) - RECORD_BYTES):
        with pytest.raises(StickError, match="ends at byte"):
            read(WHOLE[:size])


def test_content_that_goes_on_after_its_end_is_refused() -> None:
    """One byte more is one too many."""
    with pytest.raises(StickError, match="follow the last record"):
        read(WHOLE + b"\0")


def test_one_way_is_never_taken_for_the_other() -> None:
    """What a unit sealed is no answer of a school, nor the other way round."""
    with pytest.raises(StickError, match="expected b'backrow-stick v1 from school"):
        read(WHOLE, Way.FROM_SCHOOL)
    with pytest.raises(StickError, match="expected b'backrow-stick v1 to school"):
        read(content(record(Kind.END), way=Way.FROM_SCHOOL))


@pytest.mark.parametrize("way", list(Way))
def test_order_is_the_table(way: Way) -> None:
    """Each pair of kinds: allowed as the table says, and else refused at its place."""
    paths: dict[Kind | None, bytes] = {None: b""}
    for before, allowed in FOLLOWS[way].items():
        for kind in allowed:
            paths.setdefault(kind, paths[before] + record(kind))
    for before, allowed in FOLLOWS[way].items():
        for kind in Kind:
            data = content(paths[before], record(kind), way=way)
            expected = "ends at byte" if kind in allowed else "cannot stand here|follow the last record"
            if kind is Kind.END and kind in allowed:
                read(data, way)
                continue
            with pytest.raises(StickError, match=expected):
                read(data, way)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"BX" + record_header(Kind.HEAD, 0)[2:], "expected a record"),
        (b"BR\x09" + record_header(Kind.HEAD, 0)[3:], "kind 9"),
        (b"BR\x01\x01" + record_header(Kind.HEAD, 0)[4:], "expected a record"),
        (b"BR\x01\0" + b"\0\0\0\x01" + b"\0" * 8, "index 1"),
        (b"BR\x01\0" + b"\0" * 4 + b"\xff" * 8, "cannot have"),
    ],
)
def test_header_of_another_form_is_refused(header: bytes, words: str) -> None:
    """Mark, kind, zero, index and length are each looked at."""
    with pytest.raises(StickError, match=words):
        read(content(header))


def test_lengths_are_refused_before_a_byte_is_read() -> None:
    """A record that announces too much never makes the reader hold it."""
    for kind, most in MOST_BYTES.items():
        assert len(record_header(kind, most)) == RECORD_BYTES
        with pytest.raises(ValueError, match="cannot have"):
            record_header(kind, most + 1)
    with pytest.raises(ValueError, match="cannot have"):
        record_header(Kind.OBJECT, 1, LAST_INDEX + 1)


def _collect(sealed: bytes, identity: Identity, found: list[tuple[Kind, int, bytes]]) -> None:
    for one in read_records(OpenReader(BytesIO(sealed), [identity]), Way.TO_SCHOOL):
        found.append((one.kind, one.index, one.read_all()))


def test_flips_in_a_sealed_stick_never_give_other_records() -> None:
    """Thousands of flips and cuts of the sealed file: each raises, and what came before is what was sealed."""
    identity = generate_x25519()
    chance = random.Random(5)  # noqa: S311 flips that can be repeated are wanted
    sealed = seal(WHOLE, [identity.recipient])
    whole = read(WHOLE)
    for _ in range(3000):
        damaged = bytearray(sealed)
        if chance.random() < 0.3:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        found: list[tuple[Kind, int, bytes]] = []
        with pytest.raises((EnvelopeError, StickError)):
            _collect(bytes(damaged), identity, found)
        assert found == whole[: len(found)]
        assert not found or found[-1][0] is not Kind.END


def test_sizes_fall_into_few_classes() -> None:
    """Four times, and four times again; whatever fits into a class has its size."""
    assert class_of(0, 4 * GIB) == class_of(4 * GIB - 2 * RECORD_BYTES, 4 * GIB) == 4 * GIB
    assert class_of(4 * GIB, 4 * GIB) == 16 * GIB
    assert class_of(3 * MIB, MIB) == 4 * MIB
    assert padding_bytes(100, 1000) == 900 - 2 * RECORD_BYTES
    with pytest.raises(ValueError, match="does not fit"):
        padding_bytes(1000, 1000)


@pytest.mark.parametrize("room", [0, 1000, 3 * MIB, 100 * MIB + 17, 5 * GIB])
def test_content_fits_into_the_room_it_was_made_for(room: int) -> None:
    """Sealed, with chunks and header, it is no longer than the room; and not much shorter."""
    fits = content_that_fits(room)
    sealed = fits + 16 * (fits // 65_536 + 1) + 4096
    assert fits % MIB == 0
    assert fits == 0 or sealed <= room
    assert room < 3 * MIB or room - sealed < 3 * MIB


def test_head_is_the_units_own() -> None:
    """Signed with the certificate's key and no other, byte for byte."""
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    data = encode_head(HEAD, key)
    assert parse_head(data) == HEAD
    verify_head(data, key.public_key())
    with pytest.raises(StickError, match="not signed with the key"):
        verify_head(data, other.public_key())
    chance = random.Random(7)  # noqa: S311 flips that can be repeated are wanted
    for _ in range(1000):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with pytest.raises(ProtocolError):
            verify_head(bytes(flipped), key.public_key())


@pytest.mark.parametrize("change", [{"device": "../../etc"}, {"certificate": "zz"}, {"return_to": "age1nobody"}])
def test_head_refuses_what_is_no_name(change: dict[str, str]) -> None:
    """Identifier, digest and recipient are looked at when it is made, and when it is read."""
    with pytest.raises((ValueError, ProtocolError)):
        replace(HEAD, **change)  # type: ignore[arg-type]


def test_head_without_a_signature_is_refused() -> None:
    """A line alone is no head."""
    with pytest.raises(StickError, match="a line and a signature"):
        parse_head(b"{}")
