"""Rates as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calendar.rates import LEAST_BPS, MOST_BPS, parse_rate, spell_rate


@pytest.mark.parametrize(
    ("text", "rate_bps"),
    [
        ("20M", 20_000_000),
        ("20 Mbit/s", 20_000_000),
        ("1.5G", 1_500_000_000),
        ("2,5 Mbps", 2_500_000),
        ("500k", 500_000),
    ],
)
def test_rate_is_read_with_its_unit(text: str, rate_bps: int) -> None:
    """Decimal multiples, with a point or a comma."""
    assert parse_rate(text) == rate_bps


@pytest.mark.parametrize("text", ["", "20", "0M", "-5M", "20MB", "1e6", "999G", "20 m", "M"])
def test_rate_without_sense_is_refused(text: str) -> None:
    """No unit makes 20 bit/s, which nobody means; bytes and words are no rates."""
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(text)


@given(st.integers(LEAST_BPS, MOST_BPS))
def test_rate_is_spelled_as_it_is_read(rate_bps: int) -> None:
    """No bit is lost on the way."""
    assert parse_rate(spell_rate(rate_bps)) == rate_bps
