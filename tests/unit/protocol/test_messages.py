"""Messages over MQTT: read as they were written, refused by their field, and silent about footage."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import CodecError, encode_canonical
from protocol.messages import (
    MESSAGE_LIMIT_BYTES,
    Ack,
    Health,
    Presence,
    SpoolReport,
    Verdict,
    encode_message,
    parse_message,
)
from protocol.topics import Down, Up
from tests.unit.protocol.made import DEVICE, EVERY_MESSAGE, NOW

PRESENCE = {"device": DEVICE, "birth": 1, "online": True, "version": "0.1.0"}
HEALTH = {"device": DEVICE, "fit": False, "reason": "no_camera", "at": "2026-11-23T08:15:00.000Z"}
SPOOL = {"device": DEVICE, "waiting_bytes": 0, "at": "2026-11-23T08:15:00.000Z"}
ACK = {"device": DEVICE, "document": "lease", "generation": 1, "version": 1, "verdict": "applied"}


@pytest.mark.parametrize("kind", EVERY_MESSAGE)
@given(data=st.data())
def test_message_reads_back_as_what_was_said(kind: Any, data: st.DataObject) -> None:
    """Every message survives its encoding."""
    message = data.draw(EVERY_MESSAGE[kind])
    assert parse_message(kind, encode_message(message)) == message


def test_message_may_leave_out_what_has_a_default() -> None:
    """A shorter message of an older release reads as the defaults."""
    assert parse_message(Health, encode_canonical(HEALTH)) == Health(
        device=DEVICE, fit=False, reason="no_camera", at=NOW
    )
    assert parse_message(SpoolReport, encode_canonical(SPOOL)).oldest_at is None
    assert parse_message(Ack, encode_canonical(ACK)).verdict is Verdict.APPLIED


@pytest.mark.parametrize(
    ("kind", "good", "changes", "words"),
    [
        (Presence, PRESENCE, {"birth": -1}, "presence: birth: expected at least 0, got -1"),
        (Presence, PRESENCE, {"online": 1}, r"presence\.online: expected true or false"),
        (Presence, PRESENCE, {"device": "+"}, "presence: device: expected 26"),
        (Presence, PRESENCE, {"device": None}, r"presence\.device: expected text, got null"),
        (Health, HEALTH, {"device": "#"}, "health: device: expected 26"),
        (Health, HEALTH, {"at": 5}, r"health\.at: expected text"),
        (Health, HEALTH, {"school_days_left": -1}, "school_days_left: expected at least 0"),
        (Health, HEALTH, {"school_days_left": "2"}, r"health\.school_days_left: expected a whole number"),
        (SpoolReport, SPOOL, {"waiting_bytes": -1}, "waiting_bytes: expected at least 0"),
        (SpoolReport, SPOOL, {"device": "x/y"}, "spoolreport: device: expected 26"),
        (Ack, ACK, {"verdict": "done"}, r"ack\.verdict: expected one of"),
        (Ack, ACK, {"version": 0}, "ack: version: expected at least 1"),
        (Ack, ACK, {"device": ""}, "ack: device: expected 26"),
        (Ack, ACK, {"must_reply": 1}, r"ack\.must_reply"),
    ],
)
def test_message_with_a_wrong_field_is_refused(kind: Any, good: Any, changes: dict[str, Any], words: str) -> None:
    """The error names message, field, expected and got."""
    assert parse_message(kind, encode_canonical(good))
    with pytest.raises(CodecError, match=words):
        parse_message(kind, encode_canonical({**good, **changes}))


@pytest.mark.parametrize(("kind", "good"), [(Presence, PRESENCE), (Health, HEALTH), (SpoolReport, SPOOL), (Ack, ACK)])
def test_message_without_a_field_is_refused_by_its_name(kind: Any, good: dict[str, Any]) -> None:
    """Each field without a default is demanded."""
    for field in good.keys() - {"reason"}:
        rest = {name: value for name, value in good.items() if name != field}
        with pytest.raises(CodecError, match=rf"\.{field}: missing"):
            parse_message(kind, encode_canonical(rest))


def test_message_that_is_too_long_is_refused() -> None:
    """A unit cannot fill the server's memory with one message."""
    long = encode_message(Health(device=DEVICE, fit=False, reason="x" * MESSAGE_LIMIT_BYTES, at=NOW))
    with pytest.raises(CodecError, match=f"at most {MESSAGE_LIMIT_BYTES} bytes"):
        parse_message(Health, long)


def test_messages_say_nothing_of_recordings() -> None:
    """No field tells whether or how often a room records, and no topic could start a camera (P1, P7)."""
    said = {field.name for kind in EVERY_MESSAGE for field in fields(kind)}
    assert said == {
        "device", "birth", "online", "version",
        "fit", "reason", "school_days_left", "at",
        "waiting_bytes", "due_bytes", "measured_bps", "link_bps", "oldest_at",
        "document", "generation", "verdict",
    }  # fmt: skip
    assert {topic.value for topic in Up} == {"presence", "health", "spool", "ack"}
    assert {topic.value for topic in Down} == {
        "keyring", "recipients", "policy", "withdrawal", "settings", "schedule", "lease", "receipt", "command",
    }  # fmt: skip
