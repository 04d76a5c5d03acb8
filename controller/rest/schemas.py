"""JSON Schema (2020-12) of the forms that views answer with: read out of their type hints. Pure.

Knows what those forms are made of and nothing else; a hint that it does not know is a mistake of ours and raises.
"""

from __future__ import annotations

from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]
PLAIN: dict[type, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}


def schema_of(hint: Any, known: dict[str, Schema]) -> Schema:
    """Describe a type; forms are described once, in `known`, and named. Raises TypeError for a type that is no JSON."""
    if hint in PLAIN:
        return dict(PLAIN[hint])
    if is_typeddict(hint):
        return _name_form(hint, known)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [choice.value for choice in hint]}
    origin, parts = get_origin(hint), get_args(hint)
    if origin is list:
        return {"type": "array", "items": schema_of(parts[0], known)}
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(part, known) for part in parts]}
    if origin is Literal:
        return {"type": "string", "enum": list(parts)}
    if origin is Annotated:
        return {**schema_of(parts[0], known), "format": parts[1]}
    raise TypeError(f"no JSON form is known of {hint!r}")


def _name_form(form: Any, known: dict[str, Schema]) -> Schema:
    if form.__name__ not in known:
        known[form.__name__] = {}  # so that a form which holds itself would end
        hints = get_type_hints(form, include_extras=True)
        known[form.__name__] = {
            "type": "object",
            "description": (form.__doc__ or "").strip().splitlines()[0],
            "properties": {name: schema_of(hint, known) for name, hint in hints.items()},
            "required": sorted(form.__required_keys__),
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{form.__name__}"}
