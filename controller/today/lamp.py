"""Explains a room's lamp for a page: each pattern as a bar and in words, out of the one table that the unit shows.

Pure; `say` translates. The table is protocol/room/lamp.py, as for the printed card (docs/adr/0013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.room.drawing import Box
from protocol.room.facts import RoomFacts
from protocol.room.lamp import PATTERNS, Audience, LampPattern, without_blue
from protocol.room.looks import Say, describe_look, draw_bar, split_words
from protocol.room.svg import encode_shapes

SECONDS, WIDE, HIGH = 6.0, 60.0, 7.0


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One pattern: its bar as SVG elements of `WIDE` by `HIGH`, how it looks, what it means, and what follows."""

    name: str
    bar: str
    look: str
    meaning: str
    more: str


def explain_lamp(facts: RoomFacts, say: Say) -> dict[str, Sequence[Explained]]:
    """Explain every pattern of a room's lamp, by whom it concerns."""
    return {
        audience.value: [
            _explain(pattern, say, has_blue=facts.has_blue)
            for pattern in PATTERNS.values()
            if pattern.audience is audience
        ]
        for audience in Audience
    }


def _explain(pattern: LampPattern, say: Say, *, has_blue: bool) -> Explained:
    shown = pattern if has_blue else without_blue(pattern)
    look = describe_look(shown, say, has_blue=has_blue)
    meaning, more = split_words(say(pattern.words))
    bar = draw_bar(shown, Box(0.3, 0.3, WIDE - 0.6, HIGH - 0.6), seconds=SECONDS, has_blue=has_blue)
    return Explained(
        name=pattern.name,
        bar=encode_shapes(bar),
        look=f"{look[:1].upper()}{look[1:]}",
        meaning=meaning,
        more=more,
    )
