"""The school's signed time: whose it is, what it answers, and how large it may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import encode_canonical, encode_record
from protocol.documents import ExpiredError, Trust
from protocol.errors import ProtocolError
from protocol.ids import make_id
from protocol.signed_time import KIND, LIMIT_BYTES, SignedTime, issue_signed_time, verify_signed_time
from protocol.signing import SigningKey, sign_line
from tests.school import School, make_school, new_id

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
IDS = st.binary(min_size=16, max_size=16).map(make_id)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 naive bounds
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    return make_school(Path(tmp_path_factory.mktemp("school")), now=NOW)


def made() -> SignedTime:
    """Make a statement."""
    return SignedTime(device=new_id(), nonce=new_id(), at=NOW)


@given(device=IDS, nonce=IDS, at=TIMES)
def test_signed_time_is_read_as_it_was_said(device: str, nonce: str, at: datetime) -> None:
    """Whatever is said fits into the limit and comes back the same, under a key that is trusted for policies."""
    key = SigningKey.generate()
    said = SignedTime(device=device, nonce=nonce, at=at)
    line = issue_signed_time(said, key)
    assert len(line) <= LIMIT_BYTES
    with pytest.raises(ProtocolError, match="expected one of none"):
        verify_signed_time(line, Trust(root=key.verifying))


def test_policy_key_alone_tells_the_time(school: School) -> None:
    """Root, receipt, lease and settings keys do not, nor does anybody else's."""
    said = made()
    assert verify_signed_time(issue_signed_time(said, school.policy_key), school.trust) == said
    others = (school.root, school.receipt_key, school.lease_key, school.settings_key, SigningKey.generate())
    for key in others:
        with pytest.raises(ProtocolError, match="signed by key"):
            verify_signed_time(issue_signed_time(said, key), school.trust)


def test_time_is_worth_nothing_under_another_domain_or_name(school: School) -> None:
    """What the policy key signed for something else is no time, and a time that calls itself otherwise is none."""
    body = encode_canonical({"statement": KIND, **encode_record(made())})
    with pytest.raises(ProtocolError, match="does not fit"):
        verify_signed_time(sign_line(body, domain="policy", key=school.policy_key), school.trust)
    other = encode_canonical({"statement": "epochs_held", **encode_record(made())})
    with pytest.raises(ProtocolError, match="expected 'signed_time'"):
        verify_signed_time(sign_line(other, domain=KIND, key=school.policy_key), school.trust)


def test_time_at_which_the_keyring_has_ended_is_refused(school: School) -> None:
    """The keyring must hold at the very time that is told: a key whose keyring has ended says nothing about later."""
    ended = replace(made(), at=NOW + timedelta(days=366 * 20))
    with pytest.raises(ExpiredError):
        verify_signed_time(issue_signed_time(ended, school.policy_key), school.trust)


@pytest.mark.parametrize("field", ["device", "nonce"])
@pytest.mark.parametrize("text", ["", "a", "../../etc/passwd", "a" * 25 + "b", "A" * 26])
def test_what_is_no_identifier_is_refused(field: str, text: str) -> None:
    """Neither device nor nonce is free text."""
    with pytest.raises(ProtocolError):
        replace(made(), **{field: text})


@pytest.mark.parametrize("line", [b"", b"\n", b"x" * LIMIT_BYTES + b"\n", b"{} 0123456789abcdef AAAA\n"])
def test_garbage_is_refused(school: School, line: bytes) -> None:
    """Nothing that is no signed line is read as one, and nothing long is looked at."""
    with pytest.raises(ProtocolError):
        verify_signed_time(line, school.trust)
