"""The runbook of consent names every setting with its strict value, its range and when it asks for less."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

from controller.consent.models import REASON_CHARS
from controller.consent.piloting import LONGEST
from controller.consent.rules import PRESETS, RANGES, STRICT, loosenings
from controller.consent.words import PRESETS as WORDS

RUNBOOK = (Path(__file__).resolve().parents[4] / "docs" / "runbooks" / "consent.md").read_text("utf-8")
ROWS = {name: cells.split(" | ") for name, cells in re.findall(r"^\| `(\w+)` \| (.*) \|$", RUNBOOK, re.MULTILINE)}


def spell(value: object) -> str:
    """Spell a value as the runbook does."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def test_every_setting_stands_with_its_strict_value() -> None:
    """No setting is missing, none is made up, and the defaults are the code's."""
    assert {name: cells[0] for name, cells in ROWS.items()} == {
        name: spell(value) for name, value in asdict(STRICT).items()
    }
    for name, (least, most) in RANGES.items():
        assert f"({least} to {most})" in ROWS[name][1]


def test_every_loosening_is_what_the_code_asks_a_reason_for() -> None:
    """`becomes yes`, `becomes no`, `grows`, `changes at all`: each as it is decided."""
    for name, (_, _, said) in ROWS.items():
        value = getattr(STRICT, name)
        turned = (not value) if isinstance(value, bool) else value + 1
        old, new = replace(STRICT, **{name: value}), replace(STRICT, **{name: turned})
        looser = {"it becomes yes": bool(turned), "it becomes no": not turned, "it grows": True}.get(said, True)
        assert (name in loosenings(old, new)) == looser, name
        assert (name in loosenings(new, old)) == (said == "it changes at all" or not looser), name


def test_presets_and_limits_are_the_codes() -> None:
    """What differs from strict stands beside each preset's name."""
    for name, told in WORDS.items():
        differs = [key for key, value in asdict(PRESETS[name]).items() if value != asdict(STRICT)[key]]
        (row,) = re.findall(rf"^\| {re.escape(told.title)} \| (.*) \|$", RUNBOOK, re.MULTILINE)
        assert re.findall(r"`(\w+)`", row) == differs
    assert f"at most {REASON_CHARS} characters" in RUNBOOK
    assert 180 <= LONGEST.days <= 184
