"""What controller/accounts/policy.py decides about passwords, links, logins and waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.accounts import policy
from controller.accounts.policy import PAIR_LIMIT, PasswordFault

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
EMAIL = "ada.moreno@school.example"


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short words", PasswordFault.TOO_SHORT),
        ("x" * 201, PasswordFault.TOO_LONG),
        ("abababababababab", PasswordFault.TOO_SIMPLE),
        (EMAIL.upper(), PasswordFault.LIKE_ADDRESS),
        ("four words in a row", None),
        ("ñandú y ocho más", None),
    ],
)
def test_password_fault_is_named(password: str, fault: PasswordFault | None) -> None:
    """Each rule has its own name; a few words in a row pass, in any script."""
    assert policy.find_password_fault(password, repeated=password, email=EMAIL) is fault


def test_password_must_be_repeated_exactly() -> None:
    """A password that was mistyped once is not set."""
    found = policy.find_password_fault("four words in a row", repeated="four words in a rov", email=EMAIL)
    assert found is PasswordFault.NOT_REPEATED


def test_email_is_compared_without_case_and_space() -> None:
    """What somebody types on a phone finds their account."""
    assert policy.normalise_email(" Ada.Moreno@School.example ") == EMAIL


def test_wait_begins_with_the_last_attempt_that_is_allowed() -> None:
    """Eight failures pass; the next attempt waits until the oldest of them is a quarter of an hour old."""
    failed = [NOW + timedelta(minutes=minute) for minute in range(PAIR_LIMIT.most)]
    now = failed[-1]
    assert policy.decide_wait(failed[:-1], PAIR_LIMIT, now) == timedelta(0)
    assert policy.decide_wait(failed, PAIR_LIMIT, now) == failed[0] + timedelta(minutes=15) - now


@given(st.lists(st.integers(min_value=0, max_value=3600), max_size=30))
def test_wait_is_over_when_it_said_so(seconds: list[int]) -> None:
    """After the wait that was named, without another attempt, one more attempt is allowed."""
    failed = [NOW - timedelta(seconds=number) for number in seconds]
    wait = policy.decide_wait(failed, PAIR_LIMIT, NOW)
    assert policy.decide_wait(failed, PAIR_LIMIT, NOW + wait) == timedelta(0)


def test_link_ends_when_used_or_over() -> None:
    """A link holds until its end, and only while nobody has used it."""
    ends_at = NOW + timedelta(hours=1)
    assert policy.link_holds(ends_at=ends_at, used_at=None, now=NOW)
    assert not policy.link_holds(ends_at=ends_at, used_at=NOW, now=NOW)
    assert not policy.link_holds(ends_at=ends_at, used_at=None, now=ends_at)


def test_login_ends_when_idle_or_over() -> None:
    """A login holds for a week at most, and half a day without use."""
    ends_at = NOW + policy.LOGIN_LASTS
    assert policy.login_holds(last_seen_at=NOW, ends_at=ends_at, now=NOW + timedelta(hours=11))
    assert not policy.login_holds(last_seen_at=NOW, ends_at=ends_at, now=NOW + policy.LOGIN_IDLE)
    assert not policy.login_holds(last_seen_at=ends_at, ends_at=ends_at, now=ends_at)
