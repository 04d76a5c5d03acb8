"""The room card of this unit, out of its own configuration: what is drawn stands in `protocol/room/`.

The file's ending says whether it is SVG or PDF. Opens no pin, no camera and no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import segno

from device.config import DeviceConfig
from device.pin_settings import BuzzerKind, LampKind
from protocol.durable import SHARED, replace_file
from protocol.room.card import draw_card
from protocol.room.drawing import Drawing, Paper
from protocol.room.facts import HoldTimes, RoomFacts, require_page
from protocol.room.pdf import encode_pdf
from protocol.room.svg import encode_svg
from protocol.words import LanguageUnknown, load_language

ENCODERS = {".svg": encode_svg, ".pdf": encode_pdf}


class CardRefused(Exception):
    """The card cannot be made: what is wrong with what was asked for, and what to do."""


@dataclass(frozen=True, kw_only=True)
class CardWishes:
    """What is asked for beside the configuration; `page` is the address of the school's pages, or empty."""

    language: str
    paper: Paper
    page: str


def store_card(config: DeviceConfig, out: Path, wishes: CardWishes) -> None:
    """Write the card to `out`, which ends in .svg or .pdf; raises CardRefused or OSError."""
    encode = ENCODERS.get(out.suffix.lower())
    if encode is None:
        raise CardRefused(f"{out}: expected a name that ends in .svg or .pdf, got {out.suffix or 'no ending'!r}")
    try:
        replace_file(out, encode(make_card(config, wishes)), mode=SHARED)
    except (LanguageUnknown, ValueError) as error:
        raise CardRefused(str(error)) from error


def make_card(config: DeviceConfig, wishes: CardWishes) -> Drawing:
    """Draw the card; raises LanguageUnknown, or ValueError for a page that is no address or too long a one."""
    if wishes.page:
        require_page(wishes.page, "--page")
    words = load_language(wishes.language)
    page, own = wishes.page or config.controller.page, config.controller.room_page
    facts = read_facts(config, page=page, scan=wishes.page or own or page)
    return draw_card(facts, words.gettext, language=wishes.language, paper=wishes.paper)


def read_facts(config: DeviceConfig, *, page: str, scan: str) -> RoomFacts:
    """Give what this room's card says that others do not; `scan` is the address that its QR code stands for."""
    timings, pins = config.timings, config.pins
    return RoomFacts(
        label=config.device.label,
        times=HoldTimes(
            stop_s=timings.stop_s,
            stop_until_s=timings.stop_until_s,
            discard_s=timings.discard_s,
            stuck_s=timings.stuck_s,
        ),
        has_blue=pins.lamp is LampKind.RGB,
        has_buzzer=pins.buzzer_kind is not BuzzerKind.NONE,
        undo_until=f"{config.limits.undo_until:%H:%M}",
        page=page,
        modules=tuple(map(tuple, segno.make(scan, error="m", micro=False).matrix_iter(border=4))) if scan else (),
    )
