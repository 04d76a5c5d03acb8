"""The zone of the school's clock, with its changes of summer time: the configured one, else the machine's, else UTC.

By it a day begins, and a discard can be undone until a time of day. `[device] timezone` stands on the data partition;
the machine's own zone is a link in the root partition, which a unit in a classroom never writes to.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCAL_TIME = Path("/etc/localtime")
_ZONES = "zoneinfo"  # the folder that names of zones are relative to


def require_zone(name: str, field: str) -> None:
    """Refuse what is no IANA name of a zone that this machine knows; raises ValueError that names `field`."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # a path, an unknown name, a folder of zones
        known = False
    else:
        known = name != "localtime"  # Debian's link to the machine's own zone
    if not known:
        raise ValueError(
            f"{field}: expected the name of a time zone like 'Europe/Madrid' (`timedatectl list-timezones` lists "
            f"them), got {name!r}"
        )


def local_zone(name: str | None, path: Path = LOCAL_TIME) -> tzinfo:
    """Give the zone of a valid name, or without one that of the machine."""
    if name is not None:
        return ZoneInfo(name)
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError):
        return UTC


def describe_zone(name: str | None, path: Path = LOCAL_TIME) -> str:
    """Name the zone that `local_zone` gives, and where it comes from when it is not configured."""
    if name is not None:
        return name
    if local_zone(None, path) is UTC:
        return f"UTC: neither [device] timezone nor {path} says another"
    _before, _folder, found = str(path.resolve()).rpartition(f"/{_ZONES}/")
    return f"{found or 'a zone without a name'}, as {path} says; [device] timezone is not set"
