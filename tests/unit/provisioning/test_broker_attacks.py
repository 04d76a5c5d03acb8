"""Ten thousand attempts of one unit to be another at the broker: none is delivered or kept, and nobody is disturbed."""

from __future__ import annotations

from datetime import UTC, datetime

from protocol.pki import issue_issuing_authority, issue_root_authority
from tests.attacks.topics import Attempt, attack, kept_by
from tests.school_broker import SchoolBroker, school_broker

NOW = datetime.now(UTC)
ATTEMPTS = 10_000
LAX = "pattern readwrite #\n"


def test_ten_thousand_attempts_reach_nobody() -> None:
    """With the school's files: of every kind of attempt none is delivered, overheard or kept, and no session ends."""
    root = issue_root_authority("Root", now=NOW)
    with school_broker(issue_issuing_authority(root, "Issuing", now=NOW), root=root, now=NOW) as broker:
        outcome = attack(broker, ATTEMPTS)
        kept = {topic.split("/")[3] for topic, _ in kept_by(broker)}
    assert outcome.is_clean, outcome
    assert outcome.tried.total() == ATTEMPTS
    assert set(outcome.tried) == set(Attempt)
    assert kept == {"down"}, "what the school said to the others is kept, and was found"


def test_the_same_attempts_succeed_at_a_careless_broker() -> None:
    """The check above can fail: with other rules, and client ids that are not replaced, all of it comes about."""
    root = issue_root_authority("Root", now=NOW)
    with school_broker(issue_issuing_authority(root, "Issuing", now=NOW), root=root, now=NOW) as broker:
        make_careless(broker)
        outcome = attack(broker, 1000)
    assert outcome.overheard
    assert outcome.kept
    assert outcome.ended == 5, "the bridge and all four victims"
    assert any(payload.startswith(b"attack will") for payload in outcome.delivered)
    assert not all(payload.startswith(b"attack will") for payload in outcome.delivered)


def make_careless(broker: SchoolBroker) -> None:
    """Give the broker rules that allow everything, and start it again."""
    broker.stop()
    (broker.files / "units.acl").write_text(LAX)
    configuration = broker.files / "mosquitto.conf"
    configuration.write_text(configuration.read_text().replace("use_username_as_clientid true\n", ""))
    broker.start()
