"""The zone of the unit's own clock, with its changes of summer time; UTC where none is set."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCAL_TIME = Path("/etc/localtime")


def local_zone(path: Path = LOCAL_TIME) -> tzinfo:
    """Read the zone that the machine is set to."""
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError):
        return UTC
