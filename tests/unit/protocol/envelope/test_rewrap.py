"""Re-wrapping: another header for the same body."""

from io import BytesIO

import pytest

from protocol.envelope import (
    HeaderError,
    HeaderMacError,
    NoMatchError,
    RecipientsError,
    generate_hybrid,
    open_sealed,
    read_header_bytes,
    rewrap,
)
from tests.unit.protocol.envelope.samples import IDENTITY, OTHER, content, header_end, sealed_sample

SEALED = sealed_sample(200_000)
HEADER, BODY = SEALED[: header_end(SEALED)], SEALED[header_end(SEALED) :]


def test_rewrapped_file_opens_with_the_new_identity_alone() -> None:
    """The new header before the untouched body opens with the new key, and no longer with the old one."""
    header = rewrap(HEADER, [IDENTITY], [OTHER.recipient])
    assert open_sealed(header + BODY, [OTHER]) == content(200_000)
    with pytest.raises(NoMatchError):
        open_sealed(header + BODY, [IDENTITY])


def test_rewrapping_can_change_the_kind_of_key() -> None:
    """A file sealed classically can be handed to a post-quantum recipient and back."""
    hybrid = generate_hybrid()
    there = rewrap(HEADER, [IDENTITY], [hybrid.recipient])
    assert open_sealed(there + BODY, [hybrid]) == content(200_000)
    back = rewrap(there, [hybrid], [IDENTITY.recipient, OTHER.recipient])
    assert open_sealed(back + BODY, [OTHER]) == content(200_000)


def test_rewrapping_keeps_nothing_of_the_old_stanzas() -> None:
    """The new header has only the new recipients' stanzas, each with a fresh share."""
    first, second = (rewrap(HEADER, [IDENTITY], [IDENTITY.recipient]) for _ in range(2))
    assert len({HEADER, first, second}) == 3
    assert len(first) == len(HEADER)


def test_header_of_another_file_does_not_open_this_body() -> None:
    """Headers cannot be exchanged between files."""
    other = sealed_sample(10, identity=OTHER)
    assert read_header_bytes(BytesIO(other)) != HEADER
    with pytest.raises(NoMatchError):
        rewrap(read_header_bytes(BytesIO(other)), [IDENTITY], [OTHER.recipient])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (SEALED, HeaderError),
        (HEADER[:-1], HeaderError),
        (HEADER[:-2] + b"B\n", HeaderError),
        (HEADER.replace(HEADER[-20:-10], b"A" * 10), HeaderMacError),
    ],
    ids=["with its body", "cut", "not canonical", "changed MAC"],
)
def test_what_is_no_authentic_header_is_not_rewrapped(header: bytes, expected: type[Exception]) -> None:
    """Only an exact, authentic header is taken: a changed one must not be given a fresh MAC."""
    with pytest.raises(expected):
        rewrap(header, [IDENTITY], [OTHER.recipient])


def test_rewrapping_to_nobody_is_refused() -> None:
    """An empty set of recipients would lose the file."""
    with pytest.raises(RecipientsError):
        rewrap(HEADER, [IDENTITY], [])
