"""Reads settings as people write them, on pages and at the command line; what is wrong is refused by its name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, tzinfo

from controller.consent.refusals import ConsentRefusedError, Fault
from controller.consent.rules import RANGES, Rules

SETTINGS = tuple(field.name for field in fields(Rules))
MINUTE = "%Y-%m-%dT%H:%M"
_TRUTHS = {"yes": True, "no": False}


def make_rules(values: Mapping[str, bool | int]) -> Rules:
    """Make rules of settings; raise `ConsentRefusedError` for a number out of its range or a contradiction."""
    for name, (least, most) in RANGES.items():
        got = values.get(name, least)
        if not least <= got <= most:
            raise ConsentRefusedError(Fault.NUMBER_OUT_OF_RANGE, name, least=least, most=most, got=int(got))
    if values.get("objection") and values.get("each_time"):
        raise ConsentRefusedError(Fault.SETTINGS_CONTRADICT, "objection")
    return Rules(**values)  # type: ignore[arg-type]  # each setting is a bool or an int, as its reader made it


def read_form(typed: Mapping[str, str]) -> Rules:
    """Read a form with a box for each yes or no, which is absent for a no, and a field for each number."""
    return make_rules(
        {name: _number(name, typed.get(name, "")) if name in RANGES else name in typed for name in SETTINGS}
    )


def write_form(rules: Rules) -> dict[str, str]:
    """Give the fields of a form that `read_form` reads."""
    values = asdict(rules).items()
    return {name: str(value) if name in RANGES else "on" for name, value in values if name in RANGES or value}


def read_changes(base: Rules, words: Iterable[str]) -> Rules:
    """Read settings like `adults=no` or `most_seats=4` that differ from a base."""
    values = asdict(base)
    for name, text in map(_assignment, words):
        values[name] = _number(name, text) if name in RANGES else _truth(name, text)
    return make_rules(values)


def read_reasons(words: Iterable[str]) -> dict[str, str]:
    """Read reasons like `adults=our aides sign with their contract`."""
    return {name: text for name, _, text in (word.partition("=") for word in words)}


def read_day(text: str, field: str) -> date:
    """Read a day like 2026-12-24."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ConsentRefusedError(Fault.DAY_MALFORMED, field, got=text[:40]) from None


def read_instant(text: str, field: str, zone: tzinfo) -> datetime:
    """Read a minute of the school's wall clock."""
    try:
        local = datetime.strptime(text.strip(), MINUTE).replace(tzinfo=zone)
    except ValueError:
        raise ConsentRefusedError(Fault.INSTANT_MALFORMED, field, got=text[:40]) from None
    return local.astimezone(UTC)


def _assignment(word: str) -> tuple[str, str]:
    name, _, text = word.partition("=")
    if name not in SETTINGS:
        raise ConsentRefusedError(Fault.SETTING_UNKNOWN, "setting", known=", ".join(SETTINGS), got=name[:40])
    return name, text.strip()


def _number(name: str, text: str) -> int:
    if not (text.strip().isdecimal() and len(text.strip()) < 10):
        raise ConsentRefusedError(Fault.SETTING_MALFORMED, name, expected="0, 1, 2, …", got=text[:40])
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text not in _TRUTHS:
        raise ConsentRefusedError(Fault.SETTING_MALFORMED, name, expected="yes / no", got=text[:40])
    return _TRUTHS[text]
