"""The room card of a unit, as the school prints it: what is drawn stands in `protocol/room/`.

Made from the tables with which the unit was prepared; what its device.toml was told since is not known here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import segno

from controller.config import Config
from controller.devices.models import Device
from protocol.ids import ID_BYTES, make_id
from protocol.room.card import draw_card, tell_card
from protocol.room.drawing import Drawing, Paper
from protocol.room.facts import RoomFacts, parse_room
from protocol.room.looks import Say
from protocol.room.pdf import encode_pdf

CHECK_CHARS = 6
TABLES = ("timings", "pins", "limits")
"""The tables of device.toml that a card speaks of."""


def encode_room(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Keep of a unit's tables what its card speaks of, as JSON for the row of the unit."""
    return json.dumps({name: dict(tables[name]) for name in TABLES if name in tables}, default=str, sort_keys=True)


def page_address(config: Config) -> str:
    """Give the address of a teacher's own page, as the card prints it; empty while the school has not said its own."""
    return f"{config.people.url.rstrip('/')}/today" if config.people.url else ""


def room_address(config: Config, device: str, label: str) -> str:
    """Give the address of a room's open page, to which the card's QR code leads; empty like that of the other page."""
    return f"{config.people.url.rstrip('/')}/room/{code_of(device, label)}" if config.people.url else ""


def code_of(device: str, label: str) -> str:
    """Give the code on the card of a unit with a label; with another label, as after a move, the unit has another."""
    digest = hashlib.sha256(f"room card|{device}|{label}".encode()).digest()
    return device + make_id(digest[:ID_BYTES])[:CHECK_CHARS]


def room_of(config: Config, device: Device) -> RoomFacts:
    """Read a unit's facts out of its row."""
    facts = parse_room(device.label, json.loads(device.card or "{}"), page=page_address(config))
    scan = room_address(config, device.id, device.label)
    if not scan:
        return facts
    return replace(facts, modules=tuple(map(tuple, segno.make(scan, error="m", micro=False).matrix_iter(border=4))))


def card_of(room: RoomFacts, say: Say, *, language: str, paper: Paper) -> Drawing:
    """Draw the card in a language, for a sheet."""
    return draw_card(room, say, language=language, paper=paper)


def sentences_of(room: RoomFacts, say: Say) -> list[str]:
    """Say what the card shows, for whoever cannot see it."""
    return tell_card(room, say)


def print_card(card: Drawing) -> bytes | None:
    """Write the card as PDF, or give None when its font lacks a letter of the language or of the room's name."""
    try:
        return encode_pdf(card)
    except ValueError:
        return None
