"""What differs from room to room on its card: the name, the times of a hold, lamp and buzzer, where the page is.

Pure values. The defaults are those of the unit's configuration (`device/config.py`); a test compares them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

LONGEST_LABEL = 120
LONGEST_PAGE_BYTES = 300
"""So much gives a QR code of 69 modules, which is half a millimetre each on the card: what a phone still reads."""
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of pairs, separators of lines and paragraphs


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


def require_label(text: str, name: str) -> None:
    """Refuse what is no line of text that a card, a page or a file can hold; raises ValueError that names `name`."""
    seen = all(unicodedata.category(char) not in _UNSEEN and char not in "\ufffe\uffff" for char in text)
    if not (seen and text.strip() and len(text) <= LONGEST_LABEL):
        raise ValueError(f"{name}: expected 1 to {LONGEST_LABEL} characters in one line, got {text[:130]!r}")


def require_page(text: str, name: str) -> None:
    """Refuse what is no address that a phone opens in its browser; raises ValueError that names `name`."""
    if not _is_page(text):
        raise ValueError(
            f"{name}: expected the address of the school's pages, like 'https://backrow.school.example', "
            f"got {text[:80]!r}"
        )
    if (size := len(text.encode())) > LONGEST_PAGE_BYTES:
        raise ValueError(
            f"{name}: expected at most {LONGEST_PAGE_BYTES} bytes, got {size}: a phone could not read so dense a QR "
            "code from the card; give a shorter address, such as that of the first page"
        )


def _is_page(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return has_host and parts.scheme in ("http", "https") and text.isprintable() and " " not in text
