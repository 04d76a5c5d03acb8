"""Canonical JSON, and records (frozen dataclasses) to and from it, strictly.

One value has one encoding: keys sorted, no white space, UTF-8, whole numbers only, no duplicate keys. A reader
refuses every other form, says which field it stands in, what it expected and what it got. Fields that a reader does
not know are ignored, so that unit and controller can work one release apart, unless their name begins with `must_`:
then the whole record is refused. Defined in docs/protocol/manifest.md.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from protocol.errors import ProtocolError

Record = TypeVar("Record")
LIMIT_BYTES = 1024 * 1024
INTEGER_LIMIT = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259, section 6)


class CodecError(ProtocolError):
    """Bytes are not the canonical JSON of the record that was expected."""


def encode_canonical(value: Mapping[str, Any]) -> bytes:
    """Encode a mapping of strings, whole numbers, booleans, null, lists and mappings as canonical JSON.

    Raises `ValueError` on anything else: what no reader accepts is never written.
    """
    _require_encodable(value, "record")
    return _encode_json(value)


def _encode_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _require_encodable(value: Any, where: str) -> None:
    if type(value) in _PLAIN or (isinstance(value, int) and abs(value) <= INTEGER_LIMIT) or isinstance(value, str):
        return
    if isinstance(value, list | tuple):
        for at, item in enumerate(value):
            if type(item) not in _PLAIN:
                _require_encodable(item, f"{where}[{at}]")
    elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
        for key, item in value.items():
            if type(item) not in _PLAIN:
                _require_encodable(item, f"{where}.{key}")
    else:
        raise ValueError(f"{where}: canonical JSON has no form for {value!r:.60}")


_PLAIN = frozenset({str, bool, type(None)})
"""What needs no look: a snapshot of a week has some thousand of them."""


def parse_canonical(data: bytes, what: str = "record", *, limit_bytes: int = LIMIT_BYTES) -> dict[str, Any]:
    """Parse canonical JSON of at most `limit_bytes` bytes into a mapping; raise `CodecError` on any other form."""
    if len(data) > limit_bytes:
        raise CodecError(f"{what}: expected at most {limit_bytes} bytes, got {len(data)}")
    value = _parse_json(data, what)
    if not isinstance(value, dict):
        raise CodecError(f"{what}: expected a JSON object, got {_name(value)}")
    if not _is_canonical(value, data):
        raise CodecError(f"{what}: the JSON is not canonical (sorted keys, no white space, no escapes but the needed)")
    return value


def _is_canonical(value: dict[str, Any], data: bytes) -> bool:
    try:
        return _encode_json(value) == data
    except (UnicodeEncodeError, RecursionError):  # half of a surrogate pair, written as an escape; nested too deeply
        return False


def _parse_json(data: bytes, what: str) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_pairs_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_whole_number,
        )
    except CodecError as error:
        raise CodecError(f"{what}: {error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CodecError(f"{what}: expected JSON in UTF-8: {error}") from None


def _pairs_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        keys = [key for key, _ in pairs]
        raise CodecError(f"the key {next(key for key in keys if keys.count(key) > 1)[:60]!r} stands twice")
    return mapping


def _refuse_number(text: str) -> Any:
    raise CodecError(f"expected whole numbers, got {text[:24]}")


def _whole_number(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > INTEGER_LIMIT:
        raise CodecError(f"expected whole numbers of at most {INTEGER_LIMIT}, got {text[:24]}")
    return int(text)


def encode_record(record: Any) -> dict[str, Any]:
    """Turn a dataclass into a mapping for `encode_canonical`; fields that hold None are left out."""
    values = ((name, getattr(record, name)) for name in _field_names(typing.cast("Hashable", type(record))))
    return {name: _encode_value(value) for name, value in values if value is not None}


@cache
def _field_names(record_type: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record_type))


def _encode_value(value: Any) -> Any:
    if type(value) in _PLAIN or type(value) is int:
        return value
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_encode_value(item) for item in value]
    return encode_record(value) if is_dataclass(value) else value


def parse_record(record_type: type[Record], mapping: Mapping[str, Any], what: str) -> Record:
    """Build `record_type` from a parsed mapping; raise `CodecError` that names the field, the expected and the got."""
    known = _field_types(typing.cast("Hashable", record_type))
    for name in mapping.keys() - known.keys():
        if name.startswith("must_"):
            raise CodecError(
                f"{what}.{name[:60]}: this reader does not know the field and may not ignore it; update it"
            )
    values = {
        name: _parse_field(field, kind, mapping, f"{what}.{name}")
        for name, (field, kind) in known.items()
        if name in mapping or not _has_default(field)
    }
    try:
        return record_type(**values)
    except (ValueError, ProtocolError) as error:
        raise CodecError(f"{what}: {error}") from None


@cache
def _field_types(record_type: Any) -> dict[str, tuple[Field[Any], Any]]:
    kinds = typing.get_type_hints(record_type)
    return {field.name: (field, kinds[field.name]) for field in fields(record_type)}


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _parse_field(field: Field[Any], kind: Any, mapping: Mapping[str, Any], where: str) -> Any:
    if field.name in mapping:
        return _parse_value(kind, mapping[field.name], where)
    if _is_optional(kind):
        return None
    raise CodecError(f"{where}: missing")


def _is_optional(kind: Any) -> bool:
    return isinstance(kind, types.UnionType) and type(None) in typing.get_args(kind)


def _parse_value(kind: Any, value: Any, where: str) -> Any:
    if _is_optional(kind):
        (kind,) = (option for option in typing.get_args(kind) if option is not type(None))
    if kind in (str, int, bool):
        return _expect(kind, value, where)
    if kind is datetime:
        return parse_instant(_expect(str, value, where), where)
    if typing.get_origin(kind) is tuple:
        item_kind = typing.get_args(kind)[0]
        return tuple(
            _parse_value(item_kind, item, f"{where}[{at}]") for at, item in enumerate(_expect(list, value, where))
        )
    if issubclass(kind, StrEnum):
        return _parse_choice(kind, _expect(str, value, where), where)
    if issubclass(kind, tuple):
        return _parse_row(kind, _expect(list, value, where), where)
    return parse_record(kind, _expect(dict, value, where), where)


def _parse_row(kind: Any, items: list[Any], where: str) -> Any:
    """Read a NamedTuple of whole numbers, written as a list to keep long tables short."""
    if len(items) != len(kind._fields):
        raise CodecError(f"{where}: expected {len(kind._fields)} numbers {kind._fields}, got {len(items)}")
    return kind(*(_expect(int, item, f"{where}[{at}]") for at, item in enumerate(items)))


def _parse_choice(kind: type[StrEnum], text: str, where: str) -> StrEnum:
    try:
        return kind(text)
    except ValueError:
        raise CodecError(f"{where}: expected one of {[item.value for item in kind]}, got {text[:60]!r}") from None


def _expect(kind: type[Any], value: Any, where: str) -> Any:
    if type(value) is not kind:
        raise CodecError(f"{where}: expected {_name(kind())}, got {_name(value)}")
    return value


def _name(value: Any) -> str:
    names = {str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def format_instant(instant: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC with milliseconds: `2026-11-23T08:15:00.000Z`."""
    if instant.tzinfo is None:
        raise ValueError(f"expected an aware instant, got {instant!r} without a time zone")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_instant(text: str, where: str = "instant") -> datetime:
    """Read what `format_instant` wrote, and no other form of RFC 3339."""
    try:
        instant = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        instant = None
    if instant is None or format_instant(instant) != text:
        raise CodecError(f"{where}: expected an instant like 2026-11-23T08:15:00.000Z, got {text[:40]!r}")
    return instant
