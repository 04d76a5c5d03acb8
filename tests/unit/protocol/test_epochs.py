"""The statement of epochs: one signed line that names epochs and nothing else, and whose length is bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import CodecError, encode_canonical, parse_canonical
from protocol.epochs import (
    LIMIT_BYTES,
    MOST_NAMED,
    EpochsHeld,
    issue_epochs_held,
    name_held,
    peek_epochs_held,
    verify_epochs_held,
)
from protocol.signing import SignatureError, SigningKey, sign_line, split_line
from tests.school import new_id

KEY = SigningKey.generate()
SAID = EpochsHeld(
    device=new_id(), counter=7, at=datetime(2026, 11, 23, 8, tzinfo=UTC), held=("2026-w46", "2026-w48"), unknown=False
)


def test_statement_is_read_as_it_was_issued() -> None:
    """What the recorder signed, the controller verifies and reads, also without verifying it again."""
    line = issue_epochs_held(SAID, KEY)
    assert verify_epochs_held(line, KEY.verifying) == SAID
    assert peek_epochs_held(line) == SAID


def test_statement_names_epochs_and_nothing_of_recordings() -> None:
    """Device, counter, instant, names, and whether something is unknown: no other field travels (P7)."""
    body = parse_canonical(split_line(issue_epochs_held(SAID, KEY)).body, "statement")
    assert set(body) == {"statement", "device", "counter", "at", "held", "unknown"}


def test_statement_of_another_key_or_purpose_is_refused() -> None:
    """Another unit's key, and the same key for another domain, are worth nothing."""
    with pytest.raises(SignatureError):
        verify_epochs_held(issue_epochs_held(SAID, SigningKey.generate()), KEY.verifying)
    body = split_line(issue_epochs_held(SAID, KEY)).body
    with pytest.raises(SignatureError):
        verify_epochs_held(sign_line(body, domain="manifest", key=KEY), KEY.verifying)
    other = encode_canonical({**parse_canonical(body, "statement"), "statement": "receipt"})
    with pytest.raises(CodecError):
        verify_epochs_held(sign_line(other, domain="epochs_held", key=KEY), KEY.verifying)


@pytest.mark.parametrize(
    "change",
    [
        {"counter": 0},
        {"held": ("b", "a")},
        {"held": ("a", "a")},
        {"held": ("../a",)},
        {"held": tuple(f"{number:04}" for number in range(MOST_NAMED + 1))},
    ],
)
def test_statement_that_breaks_a_rule_cannot_be_made(change: dict[str, object]) -> None:
    """A counter below one, names out of order or twice, no name of a file, too many of them."""
    with pytest.raises(ValueError):  # noqa: PT011 - the rule's own words differ
        replace(SAID, **change)  # type: ignore[arg-type]


def test_longest_statement_fits_the_limit() -> None:
    """As many names as may stand, each of full length, with the largest counter, are within the limit."""
    names = tuple(f"{number:032}" for number in range(MOST_NAMED))
    line = issue_epochs_held(replace(SAID, held=names, counter=2**53 - 1, unknown=True), KEY)
    assert len(line) <= LIMIT_BYTES
    with pytest.raises(CodecError):
        verify_epochs_held(line + b" " * LIMIT_BYTES, KEY.verifying)


@given(st.lists(st.one_of(st.none(), st.integers(0, 150).map(lambda number: f"{number:04}")), max_size=200))
def test_held_names_vouch_for_nothing_that_is_not_known(found: list[str | None]) -> None:
    """Every epoch found may be held by the statement; one of which nobody can tell makes every epoch so."""
    names, unknown = name_held(found)
    said = replace(SAID, held=names, unknown=unknown)
    assert all(said.may_hold(name) for name in found if name)
    assert None not in found or said.may_hold("any")
    assert unknown or set(names) == {name for name in found if name}
