"""`backrow device card`: the card of this unit's own configuration, as a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from device.card import read_facts
from device.cli import group
from device.config import load_config
from protocol.room.facts import HoldTimes
from tests.school import encode_toml, new_id


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A unit with times, a lamp and a school of its own."""
    path = tmp_path / "device.toml"
    tables = {
        "device": {"id": new_id(), "label": "Room 12", "data": "data"},
        "controller": {"url": "https://school.example:8443", "page": "https://backrow.school.example"},
        "broker": {"host": "school.example"},
        "camera": {"kind": "synthetic"},
        "pins": {"kind": "mock", "lamp": "red_green", "buzzer_kind": "none"},
        "timings": {"stop_s": 2.5},
    }
    path.write_text(encode_toml(tables), "utf-8")
    return path


def test_facts_of_the_card_are_the_units_settings(config: Path) -> None:
    """Times, lamp and buzzer as configured, and the QR code of the school's pages."""
    facts = read_facts(
        load_config(config), page="https://backrow.school.example", scan="https://backrow.school.example/room/a"
    )
    assert (facts.label, facts.times, facts.undo_until) == ("Room 12", HoldTimes(stop_s=2.5), "18:00")
    assert (facts.has_blue, facts.has_buzzer) == (False, False)
    assert len(facts.modules) > 21 + 2 * 4
    assert read_facts(load_config(config), page="", scan="").modules == ()


@pytest.mark.parametrize(("name", "begins"), [("card.svg", b"<svg "), ("card.pdf", b"%PDF-1.4"), ("CARD.PDF", b"%PDF")])
def test_ending_of_the_file_says_what_it_is(config: Path, name: str, begins: bytes) -> None:
    """SVG for a screen, PDF for a printer."""
    out = config.parent / name
    done = CliRunner().invoke(group, ["card", "--config", str(config), "--out", str(out), "--language", "es"])
    assert (done.exit_code, done.output) == (0, "")
    assert out.read_bytes().startswith(begins)
    assert "Mantén pulsado".encode("utf-8" if name.endswith("svg") else "cp1252") in out.read_bytes()


def test_card_without_an_address_says_that_it_has_no_code(config: Path) -> None:
    """Whoever prints it knows what is missing, and how to add it."""
    config.write_text(config.read_text().replace("page = ", "# page = "))
    done = CliRunner().invoke(group, ["card", "--config", str(config), "--out", str(config.parent / "card.svg")])
    assert done.exit_code == 0
    assert "no QR code: name the school's pages with --page or [controller] page" in done.output


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--out", "card.png"], "card.png: expected a name that ends in .svg or .pdf, got '.png'"),
        (["--out", "card.svg", "--language", "xx"], "there is no catalogue of 'xx'; expected one of en, es"),
        (["--out", "card.svg", "--page", "https://x/" + "y" * 4000], "--page: expected at most 300 bytes, got 4010"),
        (
            ["--out", "card.svg", "--page", "not a url"],
            "--page: expected the address of the school's pages, like 'http",
        ),
        (["--out", "card.svg", "--page", "javascript:alert(1)"], "got 'javascript:alert(1)'"),
        (["--out", "nowhere/card.svg"], "No such file or directory"),
    ],
)
def test_card_that_cannot_be_made_is_refused_in_words(
    config: Path, options: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for, what was expected, and no half file."""
    monkeypatch.chdir(config.parent)
    done = CliRunner().invoke(group, ["card", "--config", str(config), *options])
    assert done.exit_code == 1
    assert expected in done.output
    assert not list(config.parent.glob("card.*"))
