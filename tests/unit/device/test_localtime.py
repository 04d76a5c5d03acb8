"""The zone of times of day: the configured one, the machine's, or UTC, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from device.localtime import describe_zone, local_zone, require_zone

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def _machine(folder: Path, zone: str) -> Path:
    """Make a link like /etc/localtime."""
    (found,) = [Path(base, zone) for base in TZPATH if Path(base, zone).is_file()][:1]
    link = folder / "localtime"
    link.symlink_to(found)
    return link


def test_configured_zone_goes_before_the_machines(tmp_path: Path) -> None:
    """What stands on the data partition holds, whatever the root partition says."""
    machine = _machine(tmp_path, "America/Lima")
    assert local_zone("Europe/Madrid", machine) == ZoneInfo("Europe/Madrid")
    assert describe_zone("Europe/Madrid", machine) == "Europe/Madrid"


def test_machines_zone_is_taken_and_named_when_none_is_configured(tmp_path: Path) -> None:
    """Who looks sees where it comes from, and that it is not configured."""
    machine = _machine(tmp_path, "America/Lima")
    assert NOON.astimezone(local_zone(None, machine)).utcoffset() == timedelta(hours=-5)
    assert describe_zone(None, machine) == f"America/Lima, as {machine} says; [device] timezone is not set"


def test_machine_without_a_zone_is_in_utc(tmp_path: Path) -> None:
    """Nothing is guessed."""
    assert local_zone(None, tmp_path / "none") is UTC
    assert describe_zone(None, tmp_path / "none").startswith("UTC: neither [device] timezone nor")


@pytest.mark.parametrize("name", ["Mars/North", "Europe", "../etc/passwd", "/etc/localtime", "localtime", " "])
def test_what_is_no_zone_is_refused_with_an_example(name: str) -> None:
    """Folders, paths and the machine's own link are no names."""
    with pytest.raises(ValueError, match=f"^timezone: expected .* like 'Europe/Madrid' .* got '{name}'$"):
        require_zone(name, "timezone")
