"""Manifests: every gap, fork, move, cut and forgery shows, and the grammar of segments is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import CodecError, encode_canonical, encode_record
from protocol.errors import ProtocolError
from protocol.manifest import (
    NO_LINE,
    Closed,
    CloseReason,
    Content,
    Event,
    EventName,
    ForkError,
    FragmentEntry,
    ManifestError,
    Moment,
    Opened,
    Recovered,
    digest_of,
    parse_lines,
    parse_manifest,
    require_extension,
    sign_content,
    whole_lines,
)
from protocol.signing import SignatureError, SigningKey, sign_line
from tests.unit.protocol.made import DIGEST, EVERY_CONTENT, MOMENT, begun, moments, sealed

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(range(1, 33)))
PUBLIC = KEY.verifying


def opened(index: int, take: int = 1) -> Opened:
    """Make the beginning of a segment."""
    return Opened(index=index, take=take, header_digest=DIGEST)


def recovered(index: int) -> Recovered:
    """Make the end of a segment that was cut off."""
    return Recovered(index=index, digest="f" * 64, size_bytes=70_000, whole_chunks=1)


def closed(segments: int, reason: CloseReason = CloseReason.STOPPED) -> Closed:
    """Make the last content."""
    return Closed(reason=reason, segments=segments, duration_ticks=90_000)


def event(name: EventName) -> Event:
    """Make an event."""
    return Event(name=name)


LESSON: tuple[Content, ...] = (
    begun(),
    opened(1),
    event(EventName.BOOKMARK),
    sealed(1),
    opened(2),
    sealed(2),
    event(EventName.PAUSE),
    opened(3, take=2),
    recovered(3),
    opened(4, take=3),
    sealed(4),
    closed(4),
    event(EventName.SOUND),
)


def write(contents: Sequence[Content], key: SigningKey = KEY) -> list[bytes]:
    """Sign and chain contents as a recorder does."""
    lines: list[bytes] = []
    previous = NO_LINE
    for number, content in enumerate(contents):
        lines.append(sign_content(content, moment=MOMENT, number=number, previous=previous, key=key))
        previous = digest_of(lines[-1])
    return lines


LINES = write(LESSON)
WHOLE = b"".join(LINES)


def refuse(contents: Sequence[Content], words: str) -> None:
    """Demand that a well signed and chained manifest of these contents is refused."""
    with pytest.raises(ManifestError, match=words):
        parse_manifest(b"".join(write(contents)), PUBLIC)


@given(st.data())
def test_lines_read_back_as_what_was_signed(data: st.DataObject) -> None:
    """Contents and moments of every kind, chained, come back in order with their numbers and digests."""
    contents = data.draw(st.lists(st.one_of(*EVERY_CONTENT.values()), max_size=5))
    moment = data.draw(moments)
    lines, previous = [], NO_LINE
    for number, content in enumerate(contents):
        lines.append(sign_content(content, moment=moment, number=number, previous=previous, key=KEY))
        previous = digest_of(lines[-1])
    parsed = list(parse_lines(b"".join(lines), PUBLIC))
    assert [line.content for line in parsed] == contents
    assert [(line.number, line.digest) for line in parsed] == [(n, digest_of(raw)) for n, raw in enumerate(lines)]
    assert {line.moment for line in parsed} <= {moment}


def test_manifest_tells_the_lesson() -> None:
    """Segments, their takes and ends, objects to deliver, events and the end are given as they were written."""
    manifest = parse_manifest(WHOLE, PUBLIC)
    assert manifest.begun == LESSON[0]
    assert manifest.closed == closed(4)
    assert [(s.index, s.opened.take, s.ended) for s in manifest.segments] == [
        (1, 1, sealed(1)),
        (2, 1, sealed(2)),
        (3, 2, recovered(3)),
        (4, 3, sealed(4)),
    ]
    assert manifest.objects() == (0, 1, 2, 3, 4)
    assert [manifest.expected(index) for index in (-1, 0, 1, 3, 5)] == [
        None,
        (DIGEST, 400),
        (DIGEST, 5000),
        ("f" * 64, 70_000),
        None,
    ]
    assert [line.content for line in manifest.events] == [LESSON[2], LESSON[6], LESSON[12]]
    assert manifest.head == digest_of(LINES[-1])
    assert manifest.began == MOMENT


WRONG = replace(MOMENT, wall_at=datetime(1970, 1, 1, 0, 5, tzinfo=UTC), wall_trusted=False)
LATER = replace(MOMENT, monotonic_ms=WRONG.monotonic_ms + 90_000)


@pytest.mark.parametrize(
    ("moments", "began_at"),
    [
        ((WRONG, WRONG, LATER), LATER.wall_at - timedelta(seconds=90)),
        ((WRONG, WRONG, replace(LATER, boot="another")), WRONG.wall_at),
        ((WRONG, WRONG, WRONG), WRONG.wall_at),
        ((MOMENT, replace(LATER, wall_at=MOMENT.wall_at + timedelta(hours=1)), LATER), MOMENT.wall_at),
    ],
)
def test_time_that_nobody_could_trust_is_mended(moments: Sequence[Moment], began_at: datetime) -> None:
    """A clock that is set later in the same boot tells when the press was; another boot's clock tells nothing."""
    lines, previous = [], NO_LINE
    for number, (content, moment) in enumerate(zip((begun(), opened(1), sealed(1)), moments, strict=True)):
        lines.append(sign_content(content, moment=moment, number=number, previous=previous, key=KEY))
        previous = digest_of(lines[-1])
    assert parse_manifest(b"".join(lines), PUBLIC).began_at == began_at


@pytest.mark.parametrize("lines", range(1, len(LINES)))
def test_manifest_can_be_read_as_far_as_it_has_been_written(lines: int) -> None:
    """Every beginning of a manifest is a manifest: a recording can be delivered while it grows."""
    manifest = parse_manifest(b"".join(LINES[:lines]), PUBLIC)
    assert len(manifest.lines) == lines
    ended = {
        content.index for content in LESSON[:lines] if not isinstance(content, Opened) and hasattr(content, "index")
    }
    assert set(manifest.objects()) == {0, *ended}
    assert manifest.head == digest_of(LINES[lines - 1])


@pytest.mark.parametrize("missing", range(len(LINES) - 1))
def test_manifest_with_a_gap_is_refused(missing: int) -> None:
    """Any line but the last can be missed."""
    with pytest.raises(ManifestError, match=f"manifest line {missing}: expected number {missing} after"):
        parse_manifest(b"".join(LINES[:missing] + LINES[missing + 1 :]), PUBLIC)


@pytest.mark.parametrize("at", range(len(LINES) - 1))
def test_manifest_with_lines_in_another_order_is_refused(at: int) -> None:
    """Two neighbours that change places show at the first of them."""
    swapped = [*LINES[:at], LINES[at + 1], LINES[at], *LINES[at + 2 :]]
    with pytest.raises(ManifestError, match=f"manifest line {at}: .*a line is missing, moved or replaced"):
        parse_manifest(b"".join(swapped), PUBLIC)


@pytest.mark.parametrize("at", range(len(LINES)))
def test_manifest_with_a_line_twice_is_refused(at: int) -> None:
    """A line that stands twice shows at its second place."""
    with pytest.raises(ManifestError, match=f"manifest line {at + 1}:"):
        parse_manifest(b"".join([*LINES[: at + 1], *LINES[at:]]), PUBLIC)


def test_manifest_whose_chain_was_forked_by_its_own_key_is_refused() -> None:
    """A line of the right number, signed by the recorder but hung to another past, does not fit in."""
    other = write([*LESSON[:3], sealed(1, size_bytes=6000), *LESSON[4:]])
    assert other[:3] == LINES[:3]
    with pytest.raises(ManifestError, match="manifest line 4: expected number 4 after"):
        parse_manifest(b"".join([*LINES[:4], *other[4:]]), PUBLIC)


def test_line_with_a_true_chain_but_a_wrong_number_is_refused() -> None:
    """The number counts, not only the digest of the line before."""
    forged = sign_content(opened(1), moment=MOMENT, number=2, previous=digest_of(LINES[0]), key=KEY)
    with pytest.raises(ManifestError, match="expected number 1"):
        parse_manifest(LINES[0] + forged, PUBLIC)


@pytest.mark.parametrize("at", [0, 5, len(LINES) - 1])
def test_line_that_another_key_signed_is_refused(at: int) -> None:
    """A forged line shows although its number and chain are right."""
    previous = digest_of(LINES[at - 1]) if at else NO_LINE
    forged = sign_content(LESSON[at], moment=MOMENT, number=at, previous=previous, key=OTHER)
    with pytest.raises(SignatureError, match=f"manifest line {at}: signed by key {OTHER.verifying.key_id}"):
        parse_manifest(b"".join([*LINES[:at], forged, *LINES[at + 1 :]]), PUBLIC)


def test_manifest_of_another_unit_is_refused() -> None:
    """A whole manifest of another recorder's key fails at its first line."""
    with pytest.raises(SignatureError, match="manifest line 0"):
        parse_manifest(b"".join(write(LESSON, OTHER)), PUBLIC)


def test_line_that_was_signed_for_another_purpose_is_refused() -> None:
    """What the recorder's key signed in another domain is no manifest line."""
    body = {"line": "begun", "n": 0, "prev": NO_LINE, "at": encode_record(MOMENT), **encode_record(begun())}
    with pytest.raises(SignatureError, match="does not fit"):
        parse_manifest(sign_line(encode_canonical(body), domain="lease", key=KEY), PUBLIC)


@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_manifest_with_one_flipped_bit_is_refused(bit: int) -> None:
    """No bit of a manifest can change unnoticed."""
    forged = bytearray(WHOLE)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        parse_manifest(bytes(forged), PUBLIC)


@given(st.integers(0, len(WHOLE) - 1))
def test_manifest_cut_anywhere_is_refused_or_ends_at_a_line(cut: int) -> None:
    """A torn last line is refused with what to do; what was written before it stays readable."""
    torn = WHOLE[:cut]
    if torn and not torn.endswith(b"\n"):
        with pytest.raises(ManifestError, match="the last line is cut off"):
            parse_manifest(torn, PUBLIC)
    kept = whole_lines(torn)
    assert torn.startswith(kept)
    assert b"\n" not in torn[len(kept) :]
    if kept:
        assert len(parse_manifest(kept, PUBLIC).lines) == kept.count(b"\n")


def test_manifest_that_has_not_begun_is_refused() -> None:
    """No bytes, and a first line that is no `begun`, are no manifest."""
    with pytest.raises(ManifestError, match="line 0: expected 'begun'"):
        parse_manifest(b"", PUBLIC)
    refuse([opened(1)], "line 0: expected 'begun'")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ([begun(), begun()], "line 1: 'begun' cannot stand here"),
        ([begun(), opened(2)], "segment 2 of take 1 opened, expected segment 1 of take 1, after"),
        ([begun(), opened(1, take=2)], "of take 2 opened, expected segment 1 of take 1, after"),
        ([begun(), opened(1), opened(2)], "after the one before has ended"),
        ([begun(), opened(1), sealed(1), opened(1)], "segment 1 of take 1 opened, expected segment 2"),
        ([begun(), opened(1), sealed(1), opened(3)], "segment 3 of take 1 opened, expected segment 2"),
        ([begun(), opened(1), sealed(1), opened(2, take=3)], "take 3 opened, expected segment 2 of take 1 or 2"),
        ([begun(), opened(1), sealed(1), opened(2, take=2), sealed(2), opened(3, take=1)], "take 1 opened"),
        ([begun(), opened(1), recovered(1), opened(2)], "take 1 opened, expected segment 2 of take 2"),
        ([begun(), sealed(1)], "segment 1 ends but is not open"),
        ([begun(), recovered(1)], "segment 1 ends but is not open"),
        ([begun(), opened(1), sealed(2)], "segment 2 ends but is not open"),
        ([begun(), opened(1), sealed(1), sealed(1)], "segment 1 ends but is not open"),
        ([begun(), opened(1), sealed(1), recovered(1)], "segment 1 ends but is not open"),
        ([begun(), opened(1), closed(1)], "the last one open"),
        ([begun(), opened(1), sealed(1), closed(2)], "closed with 2 segments, the lines before hold 1"),
        ([begun(), closed(1)], "closed with 1 segments, the lines before hold 0"),
        ([begun(), closed(0), opened(1)], "line 2: 'opened' cannot stand here"),
        ([begun(), closed(0), sealed(1)], "line 2: 'sealed' cannot stand here"),
        ([begun(), closed(0), closed(0)], "line 2: 'closed' cannot stand here"),
        ([begun(), closed(0), begun()], "line 2: 'begun' cannot stand here"),
        ([begun(), event(EventName.UNDISCARD), closed(0, CloseReason.DISCARDED)], "only after a discard"),
        ([begun(), closed(0), event(EventName.UNDISCARD)], "only after a discard"),
    ],
)
def test_manifest_that_breaks_the_grammar_is_refused(contents: list[Content], words: str) -> None:
    """Well signed lines in an order that no recorder writes are refused by what was expected there."""
    refuse(contents, words)


def test_manifest_without_a_segment_may_close() -> None:
    """A press that never gave a picture is a whole, empty recording."""
    manifest = parse_manifest(b"".join(write([begun(), closed(0, CloseReason.FAULT)])), PUBLIC)
    assert (manifest.segments, manifest.objects()) == ((), (0,))


def test_discard_can_be_taken_back_only_after_it() -> None:
    """A closed line with the reason `discarded` counts until an `undiscard` follows it."""
    discarded: list[Content] = [begun(), closed(0, CloseReason.DISCARDED)]
    assert parse_manifest(b"".join(write(discarded)), PUBLIC).discarded
    undone = [*discarded, event(EventName.UNDISCARD)]
    assert not parse_manifest(b"".join(write(undone)), PUBLIC).discarded
    for reason in set(CloseReason) - {CloseReason.DISCARDED}:
        assert not parse_manifest(b"".join(write([begun(), closed(0, reason)])), PUBLIC).discarded
    assert not parse_manifest(b"".join(write([begun()])), PUBLIC).discarded


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"line": "begin"}, r"manifest line 0\.line: expected one of"),
        ({"line": None}, r"manifest line 0\.line: expected one of"),
        ({"n": "0"}, r"manifest line 0\.n: expected a whole number"),
        ({"prev": 0}, r"manifest line 0\.prev: expected text"),
        ({"at": {}}, r"manifest line 0\.at\.wall_at: missing"),
        ({"recording": "../../x"}, "manifest line 0: recording: expected 26"),
        ({"device": ""}, "manifest line 0: device: expected 26"),
        ({"owner": "Ms Gray"}, "manifest line 0: owner: expected 26"),
        ({"epoch": "../storage/x"}, "manifest line 0: epoch: expected at most 32 letters"),
        ({"key_digest": "x" * 64}, "manifest line 0: key_digest: expected a SHA-256"),
        ({"key_bytes": 0}, "manifest line 0: key_bytes"),
        ({"policy_version": 0}, "manifest line 0: policy_version"),
        ({"must_show": True}, r"manifest line 0\.must_show"),
    ],
)
def test_first_line_with_a_wrong_field_is_refused(changes: dict[str, Any], words: str) -> None:
    """A signature is no excuse: each field has its form, and paths are no identifiers."""
    body = {"line": "begun", "n": 0, "prev": NO_LINE, "at": encode_record(MOMENT), **encode_record(begun()), **changes}
    line = sign_line(encode_canonical(body), domain="manifest", key=KEY)
    with pytest.raises((ManifestError, CodecError), match=words):
        parse_manifest(line, PUBLIC)


@pytest.mark.parametrize("field", ["line", "n", "prev", "at", "recording", "recipient"])
def test_first_line_without_a_field_is_refused_by_its_name(field: str) -> None:
    """Each field of `begun` and of every line's frame is demanded."""
    body = {"line": "begun", "n": 0, "prev": NO_LINE, "at": encode_record(MOMENT), **encode_record(begun())}
    del body[field]
    with pytest.raises((ManifestError, CodecError), match=rf"manifest line 0\.{field}: (missing|expected)"):
        parse_manifest(sign_line(encode_canonical(body), domain="manifest", key=KEY), PUBLIC)


@pytest.mark.parametrize(
    "fragments",
    [
        (FragmentEntry(899, 10, 0, 1, 1),),
        (FragmentEntry(900, 10, 0, 1, 1), FragmentEntry(909, 10, 1, 1, 0)),
        (FragmentEntry(950, 10, 0, 1, 1), FragmentEntry(900, 10, 1, 1, 0)),
        (FragmentEntry(900, 0, 0, 1, 1),),
        (FragmentEntry(900, 10, 0, -1, 1),),
        (FragmentEntry(900, 10, 0, 1, 2),),
    ],
)
def test_fragments_lie_behind_the_init_one_after_the_other(fragments: tuple[FragmentEntry, ...]) -> None:
    """A table that overlaps, runs backwards or holds empty fragments is refused: the player reads by it."""
    with pytest.raises(ValueError, match=r"fragments\[\d\]: expected a fragment at byte"):
        sealed(1, fragments=fragments)


def test_manifest_that_grew_is_no_fork() -> None:
    """One manifest is the beginning of the other, whichever arrived later."""
    for shorter in (b"", LINES[0], WHOLE):
        require_extension(shorter, WHOLE, "r")
        require_extension(WHOLE, shorter, "r")


def test_manifest_that_differs_is_a_fork() -> None:
    """Two well signed manifests of one recording that disagree are refused, and the recording is named."""
    other = b"".join(write([*LESSON[:3], sealed(1, size_bytes=6000)]))
    with pytest.raises(ForkError, match="recording r: the manifest that arrived differs"):
        require_extension(WHOLE, other, "r")
