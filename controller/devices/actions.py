"""What an admin asks for by page or REST, from named fields to the change in life.py: one list for both doors.

A field that the action does not know is refused, so that a misspelt one never passes in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from controller.devices import life
from controller.devices.history import Deed
from controller.devices.life import Place
from controller.devices.losing import Pack, lose
from controller.devices.models import Device
from controller.devices.policy import Change
from controller.devices.refusals import ChangeRefusedError, Fault
from controller.services import Services

Fields = Mapping[str, Any]


class NoFields(TypedDict):
    """An action that needs nothing."""


class MoveFields(TypedDict, total=False):
    """A unit's new place or owner; what is left out stays."""

    label: str
    room: str
    site: str
    owner: str
    tags: list[str]


class SwapFields(TypedDict):
    """The unit in whose place this one comes."""

    replaces: str


class AcceptFields(TypedDict):
    """What was found when somebody looked."""

    why: str


class LoseFields(TypedDict, total=False):
    """Which breach pack is wanted."""

    pack: Pack


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done: the unit, the name of its breach pack if there is one, and what went wrong beside.

    `is_held`: the pack is one that was made before.
    """

    unit: Device
    pack: str = ""
    is_held: bool = False
    troubles: tuple[str, ...] = ()


def perform(services: Services, unit: str, action: str, *, fields: Fields, deed: Deed) -> Done:
    """Do what was asked for; raise `ChangeRefusedError` that names the field, why, and what to do.

    `deed` says also of which sites the units may be: each change asks that in its own transaction.
    """
    form, act = _find(action)
    known = tuple(form.__annotations__)
    for name in fields:
        if name not in known:
            raise _refuse_field(name[:40], action, known)
    return act(services, unit, fields, deed)


def _refuse_field(name: str, action: str, known: Sequence[str]) -> ChangeRefusedError:
    if not known:
        return ChangeRefusedError(Fault.FIELDS_UNWANTED, name, action=action)
    return ChangeRefusedError(Fault.FIELD_UNKNOWN, name, action=action, expected=", ".join(known))


def _find(action: str) -> tuple[type, Act]:
    try:
        return ACTIONS[Change(action)]
    except (ValueError, KeyError):
        names = ", ".join(change.value for change in ACTIONS)
        raise ChangeRefusedError(Fault.ACTION_UNKNOWN, "action", expected=names, got=action[:40]) from None


def _text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise ChangeRefusedError(Fault.NOT_A_TEXT, name, got=type(value).__name__)
    if value is not None and not _is_unicode(value):
        raise ChangeRefusedError(Fault.NOT_UNICODE, name)
    return value


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be stored; JSON can spell halves of characters, which no database takes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _required(fields: Fields, name: str) -> str:
    value = _text(fields, name)
    if not value:
        raise ChangeRefusedError(Fault.FIELD_MISSING, name)
    return value


def _tags(fields: Fields) -> list[str] | None:
    tags = fields.get("tags")
    if tags is None:
        return None
    if not isinstance(tags, list) or any(not isinstance(tag, str) for tag in tags):
        raise ChangeRefusedError(Fault.NOT_A_LIST_OF_TEXTS, "tags")
    return tags


def _identify(services: Services, unit: str, _fields: Fields, deed: Deed) -> Done:
    return Done(unit=life.identify(services, unit, deed))


def _move(services: Services, unit: str, fields: Fields, deed: Deed) -> Done:
    place = Place(
        label=_text(fields, "label"),
        room_name=_text(fields, "room"),
        site=_text(fields, "site"),
        owner=_text(fields, "owner"),
        tags=_tags(fields),
    )
    return Done(unit=life.move(services, unit, place, deed))


def _swap(services: Services, unit: str, fields: Fields, deed: Deed) -> Done:
    return Done(unit=life.swap(services, _required(fields, "replaces"), unit, deed))


def _accept(services: Services, unit: str, fields: Fields, deed: Deed) -> Done:
    return Done(unit=life.accept(services, unit, _required(fields, "why"), deed))


def _retire(services: Services, unit: str, _fields: Fields, deed: Deed) -> Done:
    return Done(unit=life.retire(services, unit, deed))


def _lose(services: Services, unit: str, fields: Fields, deed: Deed) -> Done:
    lost = lose(services, unit, deed, pack=_pack(fields))
    name = lost.pack.name if lost.pack else ""
    return Done(unit=lost.unit, pack=name, is_held=lost.is_held, troubles=lost.troubles)


def _pack(fields: Fields) -> Pack:
    wanted = _text(fields, "pack") or Pack.HELD.value
    try:
        return Pack(wanted)
    except ValueError:
        raise ChangeRefusedError(Fault.CHOICE_UNKNOWN, "pack", expected=", ".join(Pack), got=wanted[:40]) from None


def _remove(services: Services, unit: str, _fields: Fields, deed: Deed) -> Done:
    return Done(unit=life.remove(services, unit, deed))


Act = Callable[[Services, str, Fields, Deed], Done]
ACTIONS: dict[Change, tuple[type, Act]] = {
    Change.IDENTIFY: (NoFields, _identify),
    Change.MOVE: (MoveFields, _move),
    Change.SWAP: (SwapFields, _swap),
    Change.ACCEPT: (AcceptFields, _accept),
    Change.RETIRE: (NoFields, _retire),
    Change.LOSE: (LoseFields, _lose),
    Change.REMOVE: (NoFields, _remove),
}
"""What can be asked for: the fields that each takes, which the OpenAPI document tells as well, and what does it."""
