"""Topics: written and read the same way, and nothing but them is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import IdError
from protocol.topics import (
    EVERY_UP,
    Down,
    TopicError,
    Up,
    UpTopic,
    down_topic,
    every_down,
    parse_down,
    parse_up,
    up_topic,
)
from tests.unit.protocol.made import DEVICE, OWNER, ids


@given(ids, st.sampled_from(Up), st.sampled_from(Down))
def test_topic_reads_back_as_what_was_named(device: str, up: Up, down: Down) -> None:
    """Every topic of every device is read as its device and kind."""
    assert parse_up(up_topic(device, up)) == UpTopic(device, up)
    assert parse_down(down_topic(device, down), device) is down


def test_topics_have_the_names_of_the_document() -> None:
    """The names on the wire are fixed: brokers' access lists are written by them."""
    assert up_topic(DEVICE, Up.PRESENCE) == f"backrow/v1/{DEVICE}/up/presence"
    assert down_topic(DEVICE, Down.LEASE) == f"backrow/v1/{DEVICE}/down/lease"
    assert every_down(DEVICE) == f"backrow/v1/{DEVICE}/down/#"
    assert EVERY_UP == "backrow/v1/+/up/#"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "backrow",
        f"backrow/v1/{DEVICE}/up",
        f"backrow/v1/{DEVICE}/up/",
        f"backrow/v1/{DEVICE}/up/presence/",
        f"backrow/v1/{DEVICE}/up/presence/x",
        f"/backrow/v1/{DEVICE}/up/presence",
        f"backrow/v2/{DEVICE}/up/presence",
        f"other/v1/{DEVICE}/up/presence",
        f"backrow/v1/{DEVICE}/down/presence",
        f"backrow/v1/{DEVICE}/up/lease",
        f"backrow/v1/{DEVICE}/up/PRESENCE",
        f"backrow/v1/{DEVICE.upper()}/up/presence",
        "backrow/v1/+/up/presence",
        "backrow/v1/#/up/presence",
        "backrow/v1//up/presence",
        "backrow/v1/../up/presence",
        f"backrow/v1/{DEVICE}/up/\x00",
    ],
)
def test_topic_that_is_none_of_a_devices_is_refused(topic: str) -> None:
    """Other prefixes, versions, directions, kinds, wildcards and identifiers are one kind of error."""
    with pytest.raises(TopicError):
        parse_up(topic)


def test_topic_of_another_device_is_refused() -> None:
    """A unit reads nothing that was meant for another, whatever a broker delivers."""
    with pytest.raises(TopicError, match=f"is for another device than {DEVICE}"):
        parse_down(down_topic(OWNER, Down.LEASE), DEVICE)
    with pytest.raises(TopicError, match="expected backrow/v1/<device>/down/"):
        parse_down(up_topic(DEVICE, Up.HEALTH), DEVICE)


@pytest.mark.parametrize("device", ["", "+", "#", "a/b", DEVICE + "a"])
def test_topic_is_never_named_for_what_is_no_device(device: str) -> None:
    """A wildcard or a slash cannot get into a topic by way of a device id."""
    with pytest.raises(IdError, match="device: expected 26"):
        up_topic(device, Up.ACK)
    with pytest.raises(IdError, match="device: expected 26"):
        down_topic(device, Down.LEASE)
    with pytest.raises(IdError, match="device: expected 26"):
        every_down(device)
