"""The header of what waits: one form, and nothing else is taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.backlog import MOST, Backlog, BacklogError, encode_backlog, parse_backlog

NUMBERS = st.integers(0, MOST)


@given(waiting=NUMBERS, due=NUMBERS, measured=NUMBERS, link=NUMBERS)
def test_backlog_comes_back_as_it_was_said(waiting: int, due: int, measured: int, link: int) -> None:
    """Whatever a unit can say is read as it was said."""
    said = Backlog(waiting_bytes=waiting, due_bytes=min(due, waiting), measured_bps=measured, link_bps=link)
    assert parse_backlog(encode_backlog(said)) == said


def test_backlog_is_written_as_the_page_says() -> None:
    """The form is that of docs/protocol/uploads.md; a unit with an empty spool says as much."""
    said = Backlog(waiting_bytes=734003200, due_bytes=5, measured_bps=18400000, link_bps=22000000)
    assert encode_backlog(said) == "waiting=734003200, due=5, measured=18400000, link=22000000"
    assert encode_backlog(Backlog()) == "waiting=0, due=0, measured=0, link=0"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "waiting=1",
        "waiting=1, due=2, measured=0, link=0",
        "waiting=-1, due=0, measured=0, link=0",
        "waiting=1, due=0, measured=0, link=0 ",
        "waiting=1,due=0,measured=0,link=0",
        "due=0, waiting=1, measured=0, link=0",
        "waiting=9007199254740992, due=0, measured=0, link=0",
        "waiting=10000000000000000000, due=0, measured=0, link=0",
        "waiting=١, due=0, measured=0, link=0",
        "waiting=1e3, due=0, measured=0, link=0",
    ],
)
def test_backlog_of_another_form_is_refused(text: str) -> None:
    """Another order, signs, letters, other digits, too much, and more due than waits are no header."""
    with pytest.raises(BacklogError, match="Backrow-Spool"):
        parse_backlog(text)
