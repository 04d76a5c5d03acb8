"""docs/legal-map.md against the school's rules: each setting is there with its default."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from controller.consent.answers import Scope
from controller.consent.rules import Rules

PAGE = (Path(__file__).parents[4] / "docs" / "legal-map.md").read_text("utf-8")
ROWS = {
    cells[0].strip("`"): cells[1]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def shown(value: object) -> str:
    """Give a setting as the page writes it."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("field", fields(Rules), ids=lambda field: field.name)
def test_map_has_a_row_for_each_setting_with_its_default(field: Field[Any]) -> None:
    """Whoever adds a setting, or changes a default, says which rule it serves."""
    assert field.default is not MISSING
    assert ROWS.get(field.name) == shown(field.default)


def test_map_has_no_setting_that_does_not_exist() -> None:
    """A setting that went away goes from the map as well, and every scope is named."""
    assert set(ROWS) == {field.name for field in fields(Rules)}
    for scope in Scope:
        assert f"`{scope}`" in PAGE


def test_map_says_that_it_is_no_advice_before_anything_else() -> None:
    """The first words under the title are that it is no legal advice."""
    assert PAGE.split("\n\n")[1].startswith("**This is no legal advice.**")
