"""Rates as people write them: `20M`, `20 Mbit/s`, `500k`. Pure; decimal, as lines are sold."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"(\d{1,12}(?:[.,]\d{1,3})?) ?([kMG]?)(?:bit/s|bps)?")
_UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
LEAST_BPS = 1_000
MOST_BPS = 100_000_000_000


def parse_rate(text: str) -> int:
    """Read a rate in bit/s; raise `ValueError` for another form and for what no line has."""
    match = _FORM.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a rate like 20M, 500k or 20 Mbit/s, got {text[:40]!r}")
    rate_bps = int(Decimal(match[1].replace(",", ".")) * _UNITS[match[2]])
    if not LEAST_BPS <= rate_bps <= MOST_BPS:
        raise ValueError(f"expected a rate from 1k to 100G, got {text[:40]!r}; write its unit, like 20M")
    return rate_bps


def spell_rate(rate_bps: int) -> str:
    """Spell a rate as `parse_rate` reads it, without losing a bit: `20 Mbit/s`."""
    for unit, size in reversed(_UNITS.items()):
        if rate_bps >= size and rate_bps * 1000 % size == 0:
            return f"{(Decimal(rate_bps) / size).normalize():f} {unit}bit/s"
    return f"{rate_bps} bit/s"
