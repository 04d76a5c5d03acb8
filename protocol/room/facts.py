"""What differs from room to room on its card: the name, the times of a hold, lamp and buzzer, where the page is.

Pure values. The defaults are those of the unit's configuration (`device/config.py`); a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class HoldTimes:
    """Seconds, as in `[timings]`: let go from `stop_s` on stops, from `stop_until_s` on nothing happens, from
    `discard_s` on discards, from `stuck_s` on the button is stuck.
    """

    stop_s: float = 2.0
    stop_until_s: float = 5.0
    discard_s: float = 6.0
    stuck_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class RoomFacts:
    """One room. `page` is the address of the school's pages and `modules` its QR code, rows of truths with the quiet
    zone, or both are empty. `undo_until` is the school's time of day until which a discard can be undone.
    """

    label: str
    times: HoldTimes = field(default_factory=HoldTimes)
    has_blue: bool = True
    has_buzzer: bool = True
    undo_until: str = "18:00"
    page: str = ""
    modules: Sequence[Sequence[object]] = ()


def parse_room(label: str, tables: Mapping[str, Mapping[str, Any]], *, page: str = "") -> RoomFacts:
    """Read the facts of a room out of the tables of a unit's configuration, as they stand in `device.toml`.

    What is left out has its default, and other keys are not this function's; it checks nothing, the unit does.
    """
    timings, pins = tables.get("timings", {}), tables.get("pins", {})
    times = {each.name: float(timings[each.name]) for each in fields(HoldTimes) if each.name in timings}
    return RoomFacts(
        label=label,
        times=HoldTimes(**times),
        has_blue=pins.get("lamp", "rgb") == "rgb",
        has_buzzer=pins.get("buzzer_kind", "active") != "none",
        undo_until=str(tables.get("limits", {}).get("undo_until", "18:00"))[:5],
        page=page,
    )
