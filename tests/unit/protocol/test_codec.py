"""Canonical JSON and records: one value has one encoding, and everything else is refused by its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import (
    INTEGER_LIMIT,
    LIMIT_BYTES,
    CodecError,
    encode_canonical,
    encode_record,
    format_instant,
    parse_canonical,
    parse_instant,
    parse_record,
)
from tests.unit.protocol.made import EVERY_CONTENT, EVERY_MESSAGE, instants, texts

integers = st.integers(-INTEGER_LIMIT, INTEGER_LIMIT)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(texts, values, max_size=4)


class Colour(StrEnum):
    """What a lamp can be."""

    RED = "red"
    GREEN = "green"


class Row(NamedTuple):
    """Two numbers."""

    a: int
    b: int


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A record inside another."""

    n: int


@dataclass(frozen=True, kw_only=True)
class Outer:
    """One field of each kind that the codec knows."""

    text: str
    number: int
    flag: bool
    at: datetime
    colour: Colour
    inner: Inner
    rows: tuple[Row, ...]
    inners: tuple[Inner, ...]
    maybe: str | None
    later: int = 7


def good() -> dict[str, Any]:
    """Give the parsed JSON of a valid `Outer`."""
    return {
        "text": "t",
        "number": 1,
        "flag": True,
        "at": "2026-11-23T08:15:00.000Z",
        "colour": "red",
        "inner": {"n": 1},
        "rows": [[1, 2]],
        "inners": [{"n": 2}],
    }


@given(mappings)
def test_canonical_json_reads_back_as_what_was_written(mapping: dict[str, Any]) -> None:
    """Whatever mapping is written, the same mapping is read."""
    assert parse_canonical(encode_canonical(mapping)) == mapping


@given(mappings)
def test_canonical_json_is_the_only_form_that_is_read(mapping: dict[str, Any]) -> None:
    """Python's usual JSON of the same mapping is refused wherever its bytes differ."""
    canonical = encode_canonical(mapping)
    for other in (json.dumps(mapping), json.dumps(mapping, indent=1), json.dumps(mapping, sort_keys=True)):
        if other.encode() != canonical:
            with pytest.raises(CodecError):
                parse_canonical(other.encode())


@given(st.binary(max_size=60))
def test_canonical_json_refuses_any_bytes_with_its_own_error(data: bytes) -> None:
    """Random bytes are either the canonical form of a mapping or a `CodecError`: nothing else escapes."""
    try:
        mapping = parse_canonical(data)
    except CodecError:
        return
    assert encode_canonical(mapping) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a":1,"a":1}', "'a' stands twice"),
        (b'{"x":{"b":1,"b":2}}', "'b' stands twice"),
        (b'{"a":1.5}', "whole numbers, got 1.5"),
        (b'{"a":1.0}', "whole numbers, got 1.0"),
        (b'{"a":1e3}', "whole numbers, got 1e3"),
        (b'{"a":NaN}', "whole numbers, got NaN"),
        (b'{"a":-Infinity}', "whole numbers, got -Infinity"),
        (b'{"a":9007199254740992}', "at most 9007199254740991"),
        (b'{"a":-9007199254740992}', "at most 9007199254740991"),
        (b'{"a":' + b"1" * 5000 + b"}", "at most 9007199254740991, got 111111111111111111111111$"),
        (b'{"a":-0}', "not canonical"),
        (b'{"b":1,"a":2}', "not canonical"),
        (b'{"a": 1}', "not canonical"),
        (b'{"a":1}\n', "not canonical"),
        (b' {"a":1}', "not canonical"),
        (b'{"a":"\\u0041"}', "not canonical"),
        (b'{"a":"\\/"}', "not canonical"),
        (b'{"a":"\\u00e9"}', "not canonical"),
        (b'{"a":"\\ud800"}', "not canonical"),
        (b'{"a":1}{}', "expected JSON"),
        (b'{"a":1}x', "expected JSON"),
        (b'{"a":01}', "expected JSON"),
        (b'{"a":1,}', "expected JSON"),
        (b'{"a":"\t"}', "expected JSON"),
        (b'{"a":"\xff"}', "expected JSON in UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "expected JSON in UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "expected JSON"),
        (b"", "expected JSON"),
        (b"{", "expected JSON"),
        (b"[1]", "expected a JSON object, got a list"),
        (b'"a"', "expected a JSON object, got text"),
        (b"null", "expected a JSON object, got null"),
        (b"1", "expected a JSON object, got a whole number"),
    ],
)
def test_canonical_json_refuses_every_other_form(data: bytes, words: str) -> None:
    """Duplicate keys, numbers that are not whole or too big, other orders, white space, escapes, trailing data."""
    with pytest.raises(CodecError, match=words):
        parse_canonical(data)


def test_canonical_json_refuses_deep_nesting_with_its_own_error() -> None:
    """Brackets beyond what Python can nest end in a `CodecError`, never in a crash of the reader."""
    data = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(CodecError, match="expected JSON"):
        parse_canonical(data)


def test_canonical_json_refuses_more_than_the_limit() -> None:
    """The limit is inclusive and is checked before anything is parsed."""
    assert parse_canonical(b'{"a":1}', limit_bytes=7) == {"a": 1}
    with pytest.raises(CodecError, match="at most 7 bytes, got 8"):
        parse_canonical(b'{"a":12}', limit_bytes=7)
    with pytest.raises(CodecError, match=f"at most {LIMIT_BYTES} bytes"):
        parse_canonical(b" " * (LIMIT_BYTES + 1))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": 1.5}, "record.a"),
        ({"a": {"b": [1, float("nan")]}}, r"record\.a\.b\[1\]"),
        ({"a": INTEGER_LIMIT + 1}, "record.a"),
        ({"a": b"x"}, "record.a"),
        ({1: "a"}, "record"),
        ({"a": "\ud800"}, "surrogates"),
    ],
)
def test_canonical_json_is_never_written_in_a_form_that_no_reader_takes(value: Any, place: str) -> None:
    """Floats, huge numbers, bytes, keys that are no text: the writer fails, and says where."""
    with pytest.raises(ValueError, match=place):
        encode_canonical(value)


def test_errors_stay_short_whatever_a_stranger_sent() -> None:
    """A long key or number does not come back whole in the message."""
    long = b"k" * 100_000
    for data in (b'{"%s":1,"%s":2}' % (long, long), b'{"a":1.%s}' % (b"1" * 100_000)):
        with pytest.raises(CodecError) as caught:
            parse_canonical(data)
        assert len(str(caught.value)) < 300
    with pytest.raises(CodecError) as caught:
        parse_record(Inner, {"n": 1, f"must_{long.decode()}": 1}, "inner")
    assert len(str(caught.value)) < 300


def test_record_reads_every_kind_of_field() -> None:
    """Text, number, flag, instant, choice, record, rows, optional and default are read as their types."""
    record = parse_record(Outer, good(), "outer")
    at = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
    assert record == Outer(
        text="t",
        number=1,
        flag=True,
        at=at,
        colour=Colour.RED,
        inner=Inner(n=1),
        rows=(Row(1, 2),),
        inners=(Inner(n=2),),
        maybe=None,
    )
    assert encode_record(record) == {**good(), "later": 7}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", 1, r"outer\.text: expected text, got a whole number"),
        ("text", None, r"outer\.text: expected text, got null"),
        ("number", "1", r"outer\.number: expected a whole number, got text"),
        ("number", True, r"outer\.number: expected a whole number, got true or false"),
        ("flag", 1, r"outer\.flag: expected true or false, got a whole number"),
        ("flag", "true", r"outer\.flag: expected true or false, got text"),
        ("at", 1, r"outer\.at: expected text, got a whole number"),
        ("at", "2026-11-23", r"outer\.at: expected an instant"),
        ("colour", "blue", r"outer\.colour: expected one of \['red', 'green'\], got 'blue'"),
        ("colour", "RED", r"outer\.colour: expected one of"),
        ("colour", 1, r"outer\.colour: expected text"),
        ("inner", [], r"outer\.inner: expected an object, got a list"),
        ("inner", {}, r"outer\.inner\.n: missing"),
        ("inner", {"n": "1"}, r"outer\.inner\.n: expected a whole number"),
        ("rows", {}, r"outer\.rows: expected a list, got an object"),
        ("rows", [[1, 2], [1]], r"outer\.rows\[1\]: expected 2 numbers .* got 1"),
        ("rows", [[1, 2, 3]], r"outer\.rows\[0\]: expected 2 numbers"),
        ("rows", [[1, "2"]], r"outer\.rows\[0\]\[1\]: expected a whole number"),
        ("inners", [{"n": 1}, 5], r"outer\.inners\[1\]: expected an object"),
        ("maybe", 5, r"outer\.maybe: expected text"),
        ("maybe", None, r"outer\.maybe: expected text, got null"),
        ("later", None, r"outer\.later: expected a whole number, got null"),
    ],
)
def test_record_refuses_a_wrong_type_and_names_the_field(field: str, value: Any, words: str) -> None:
    """The error names the path of the field, what was expected and what was found."""
    with pytest.raises(CodecError, match=words):
        parse_record(Outer, {**good(), field: value}, "outer")


@pytest.mark.parametrize("field", sorted(good()))
def test_record_refuses_a_missing_field_by_name(field: str) -> None:
    """Each field without a default is demanded."""
    mapping = good()
    del mapping[field]
    with pytest.raises(CodecError, match=rf"outer\.{field}: missing"):
        parse_record(Outer, mapping, "outer")


def test_record_ignores_fields_of_a_later_release() -> None:
    """An unknown ordinary field changes nothing, at any depth."""
    mapping = {**good(), "colour_of_sound": "pink", "inner": {"n": 1, "new": [1, {"x": None}]}}
    assert parse_record(Outer, mapping, "outer") == parse_record(Outer, good(), "outer")


@pytest.mark.parametrize("depth", ["outer", "inner"])
def test_record_refuses_an_unknown_field_that_must_be_understood(depth: str) -> None:
    """A field named `must_…` that the reader does not know refuses the whole record, at any depth."""
    mapping = {**good(), "must_blur": 1} if depth == "outer" else {**good(), "inner": {"n": 1, "must_blur": 1}}
    with pytest.raises(CodecError, match=r"must_blur: this reader does not know the field"):
        parse_record(Outer, mapping, "outer")


@pytest.mark.parametrize("kind", [*EVERY_CONTENT, *EVERY_MESSAGE])
@given(data=st.data())
def test_record_of_the_contract_reads_back_as_what_was_written(kind: type[Any], data: st.DataObject) -> None:
    """Every content of a manifest line and every message survives its encoding, and its encoding is stable."""
    record = data.draw({**EVERY_CONTENT, **EVERY_MESSAGE}[kind])
    encoded = encode_canonical(encode_record(record))
    again = parse_record(kind, parse_canonical(encoded), "record")
    assert again == record
    assert encode_canonical(encode_record(again)) == encoded


@given(instants)
def test_instant_reads_back_to_the_millisecond(instant: datetime) -> None:
    """Every instant in milliseconds survives, and its text sorts as it does in time."""
    assert parse_instant(format_instant(instant)) == instant
    later = instant + timedelta(milliseconds=1)
    assert format_instant(instant) < format_instant(later)


def test_instant_is_written_in_utc_and_cut_to_milliseconds() -> None:
    """Another zone's instant is the same instant; what is finer than a millisecond is dropped, never rounded up."""
    zone = timezone(timedelta(hours=5, minutes=30))
    instant = datetime(2026, 11, 23, 13, 45, 0, 999_999, tzinfo=zone)
    assert format_instant(instant) == "2026-11-23T08:15:00.999Z"
    assert format_instant(datetime(33, 4, 3, tzinfo=UTC)) == "0033-04-03T00:00:00.000Z"


def test_instant_without_a_zone_is_our_own_mistake() -> None:
    """A naive instant is never written."""
    with pytest.raises(ValueError, match="without a time zone"):
        format_instant(datetime(2026, 11, 23))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T08:15:00Z",
        "2026-11-23T08:15:00.000+00:00",
        "2026-11-23T08:15:00.0000Z",
        "2026-11-23T08:15:00.00Z",
        "2026-11-23t08:15:00.000z",
        "2026-11-23 08:15:00.000Z",
        "2026-11-23T08:15:60.000Z",
        "2026-11-23T24:00:00.000Z",
        "2026-02-30T08:15:00.000Z",
        "2026-1-23T08:15:00.000Z",
        "٢٠٢٦-11-23T08:15:00.000Z",
        " 2026-11-23T08:15:00.000Z",
        "2026-11-23T08:15:00.000Z\n",
        "",
        "now",
    ],
)
def test_instant_has_one_form(text: str) -> None:
    """No other form of RFC 3339, no leap second, no day that does not exist, no foreign digits."""
    with pytest.raises(CodecError, match=r"lesson\.begins_at: expected an instant like"):
        parse_instant(text, "lesson.begins_at")
