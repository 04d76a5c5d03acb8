"""What the agent says and answers, without a broker: births, wills, fixed intervals, documents in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.agent.session import (
    HELD_LINES,
    Arrival,
    Facts,
    Fitness,
    Intervals,
    Outcome,
    Refused,
    Saying,
    Session,
)
from device.uploads.plan import Waiting
from protocol.backlog import Backlog
from protocol.codec import encode_canonical
from protocol.documents import Keyring, Lease, Policy, Undo
from protocol.messages import Ack, Health, Presence, SpoolReport, Verdict, parse_message
from protocol.signing import SigningKey, sign_line
from protocol.topics import Down, TopicError, Up, down_topic, up_topic

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DEVICE = "a" * 26
EVERY = Intervals(presence_s=60, health_s=60, spool_s=900)
KEY = SigningKey.generate()


def make_facts(*, fit: bool = True, reason: str = "", waiting_bytes: int = 7) -> Facts:
    backlog = Backlog(waiting_bytes=waiting_bytes, due_bytes=min(3, waiting_bytes), measured_bps=40, link_bps=50)
    waiting = Waiting(backlog=backlog, oldest_at=NOW)
    return Facts(now=NOW, fitness=Fitness(fit=fit, reason=reason, school_days_left=9), backlog=lambda: waiting)


def connect(at_s: float = 100.0) -> tuple[Session, tuple[Saying, ...]]:
    session, _ = Session(DEVICE, "0.1.0", EVERY).begin(5)
    return session.connected(make_facts(), at_s)


def kinds(sayings: tuple[Saying, ...]) -> list[str]:
    return [saying.topic.rsplit("/", 1)[1] for saying in sayings]


def make_line(**fields: object) -> bytes:
    return sign_line(encode_canonical({"generation": 1, "version": 1, **fields}), domain="any", key=KEY)


def ack_of(sayings: tuple[Saying, ...]) -> Ack:
    (saying,) = sayings
    assert saying.topic == up_topic(DEVICE, Up.ACK)
    return parse_message(Ack, saying.payload)


def test_will_carries_the_birth_and_is_retained() -> None:
    """The last will says offline under the birth of its own connection, and the broker keeps it."""
    _, will = Session(DEVICE, "0.1.0", EVERY).begin(5)
    assert will.retained
    assert will.topic == up_topic(DEVICE, Up.PRESENCE)
    assert parse_message(Presence, will.payload) == Presence(device=DEVICE, birth=5, online=False, version="0.1.0")


def test_connection_says_presence_health_and_spool_at_once() -> None:
    """A fresh connection says everything; presence under the birth of the will, and retained as the will is."""
    _, sayings = connect()
    assert kinds(sayings) == ["presence", "health", "spool"]
    assert parse_message(Presence, sayings[0].payload) == Presence(device=DEVICE, birth=5, online=True, version="0.1.0")
    assert [saying.retained for saying in sayings] == [True, False, False]
    assert parse_message(Health, sayings[1].payload).school_days_left == 9
    said = parse_message(SpoolReport, sayings[2].payload)
    assert (said.waiting_bytes, said.due_bytes, said.measured_bps, said.link_bps) == (7, 3, 40, 50)


def test_nothing_is_said_without_a_connection() -> None:
    """Before the connection stands, and after it is lost, a tick says nothing."""
    session, _ = Session(DEVICE, "0.1.0", EVERY).begin(5)
    assert session.tick(make_facts(), 1e9)[1] == ()
    online, _ = connect()
    assert online.lost().tick(make_facts(), 1e9)[1] == ()


def test_intervals_are_kept() -> None:
    """Presence and health are said each 60 s, the spool each 900 s, and nothing between."""
    session, _ = connect(100.0)
    said = []
    for second in range(101, 1101):
        session, sayings = session.tick(make_facts(), float(second))
        said += [(second - 100, kind) for kind in kinds(sayings)]
    assert [at for at, kind in said if kind == "presence"] == list(range(60, 1001, 60))
    assert [at for at, kind in said if kind == "spool"] == [900]


@given(st.lists(st.tuples(st.floats(0.1, 400), st.booleans(), st.integers(0, 10**9)), max_size=60))
def test_spool_times_do_not_depend_on_what_happened(steps: list[tuple[float, bool, int]]) -> None:
    """Whatever is recorded and however late ticks come, reports stand on one grid of 900 s: they tell no recording."""
    session, _ = connect(0.5)
    now_s = 0.5
    for step_s, fit, waiting_bytes in steps:
        before_s, now_s = now_s, now_s + step_s
        session, sayings = session.tick(make_facts(fit=fit, waiting_bytes=waiting_bytes), now_s)
        passed_a_mark = (now_s - 0.5) // 900 > (before_s - 0.5) // 900
        assert ("spool" in kinds(sayings)) == passed_a_mark


def test_becoming_unfit_is_said_at_once_and_only_once() -> None:
    """A change of fitness or of its reason does not wait for the interval; free space does."""
    session, _ = connect()
    session, sayings = session.tick(make_facts(fit=False, reason="no_camera"), 101.0)
    assert kinds(sayings) == ["health"]
    assert parse_message(Health, sayings[0].payload).reason == "no_camera"
    assert session.tick(make_facts(fit=False, reason="no_camera"), 102.0)[1] == ()
    other_space = replace(make_facts(fit=False, reason="no_camera"))
    other_space = replace(other_space, fitness=replace(other_space.fitness, school_days_left=1))
    assert session.tick(other_space, 103.0)[1] == ()


def test_the_spool_is_not_looked_at_when_nothing_is_due() -> None:
    """Between reports the spool is left alone."""
    session, _ = connect()

    def fail() -> Waiting:
        raise AssertionError("the spool was looked at")

    session.tick(replace(make_facts(), backlog=fail), 101.0)


def test_goodbye_is_offline_under_the_own_birth() -> None:
    """An orderly end says the same as the will."""
    session, will = Session(DEVICE, "0.1.0", EVERY).begin(5)
    assert session.goodbye() == will


def test_documents_are_handed_on_unread() -> None:
    """What came on a document's topic is offered for verification as it came, whatever it holds."""
    session, _ = connect()
    assert session.read(down_topic(DEVICE, Down.POLICY), b"noise") == Arrival(Policy, b"noise")


def test_undo_travels_as_a_command() -> None:
    """The line says of which kind it is; whether that is true, the store finds out by the signature."""
    session, _ = connect()
    line = make_line(document="undo")
    assert session.read(down_topic(DEVICE, Down.COMMAND), line) == Arrival(Undo, line)
    for other in ("policy", "lease", "start_camera"):
        assert isinstance(session.read(down_topic(DEVICE, Down.COMMAND), make_line(document=other)), Refused)


@pytest.mark.parametrize("kind", [Down.COMMAND, Down.SETTINGS])
def test_what_this_release_does_not_know_is_refused(kind: Down) -> None:
    """Commands and kinds that this release has no use for are answered by a refusal, and change nothing."""
    session, _ = connect()
    refused = session.read(down_topic(DEVICE, kind), make_line(version=3))
    assert isinstance(refused, Refused)
    ack = ack_of(refused.sayings)
    assert (ack.document, ack.generation, ack.version, ack.verdict) == (kind.value, 1, 3, Verdict.REFUSED)


@pytest.mark.parametrize(
    "payload", [b"", b"start camera", make_line(version=0), make_line(version="1"), make_line(generation=True)]
)
def test_what_cannot_be_named_is_not_acknowledged(payload: bytes) -> None:
    """A message without a readable generation and version is refused without an answer."""
    session, _ = connect()
    refused = session.read(down_topic(DEVICE, Down.COMMAND), payload)
    assert isinstance(refused, Refused)
    assert refused.sayings == ()


@pytest.mark.parametrize("topic", [down_topic("b" * 24 + "ba", Down.POLICY), up_topic(DEVICE, Up.ACK), "other"])
def test_other_topics_are_refused(topic: str) -> None:
    """A topic that is not this unit's own is an error, never a document."""
    session, _ = connect()
    with pytest.raises(TopicError):
        session.read(topic, b"")


def test_ack_names_the_document_and_the_verdict() -> None:
    """The answer carries kind, generation, version, verdict and reason."""
    session, _ = connect()
    outcome = Outcome(verdict=Verdict.REFUSED, verified=True, reason="a newer one is held")
    _, sayings = session.answer(Arrival(Lease, make_line(generation=2, version=7)), outcome)
    assert ack_of(sayings) == Ack(
        device=DEVICE,
        document="lease",
        generation=2,
        version=7,
        verdict=Verdict.REFUSED,
        reason="a newer one is held",
    )


UNKNOWN = Outcome(verdict=Verdict.REFUSED, verified=False, reason="unknown key")
APPLIED = Outcome(verdict=Verdict.APPLIED, verified=True)


def test_a_document_that_overtook_its_keyring_is_offered_again() -> None:
    """What an unknown key signed is offered again once a new keyring was applied, in the order in which it came."""
    session, _ = connect()
    first, second = Arrival(Policy, make_line(version=1)), Arrival(Lease, make_line(version=2))
    session, _ = session.answer(first, UNKNOWN)
    session, _ = session.answer(second, UNKNOWN)
    keyring = Arrival(Keyring, make_line())
    session, again = session.release(keyring, APPLIED)
    assert again == (first, second)
    assert session.release(keyring, APPLIED)[1] == ()


def test_only_an_applied_keyring_releases() -> None:
    """A policy, or a keyring that was held already or refused, offers nothing again."""
    session, _ = connect()
    session, _ = session.answer(Arrival(Policy, make_line()), UNKNOWN)
    for kind, verdict in ((Policy, Verdict.APPLIED), (Keyring, Verdict.HELD_ALREADY), (Keyring, Verdict.REFUSED)):
        outcome = Outcome(verdict=verdict, verified=True)
        assert session.release(Arrival(kind, make_line()), outcome)[1] == ()


def test_what_was_verified_and_refused_is_not_held() -> None:
    """An older document is refused for good: a new keyring does not bring it back."""
    session, _ = connect()
    session, _ = session.answer(Arrival(Policy, make_line()), replace(UNKNOWN, verified=True))
    assert session.held == ()


def test_a_flood_of_forgeries_is_held_to_a_few() -> None:
    """However many unverifiable lines come, only the newest few are kept, and a repetition is kept once."""
    session, _ = connect()
    for version in range(1, 100):
        session, _ = session.answer(Arrival(Policy, make_line(version=version)), UNKNOWN)
        session, _ = session.answer(Arrival(Policy, make_line(version=version)), UNKNOWN)
    assert len(session.held) == HELD_LINES
    assert len(set(session.held)) == HELD_LINES


def test_a_long_reason_is_cut() -> None:
    """A reason that quotes a huge document does not make a huge message."""
    session, _ = connect()
    _, sayings = session.answer(Arrival(Policy, make_line()), replace(UNKNOWN, reason="x" * 100_000))
    assert len(sayings[0].payload) < 1000


def test_a_new_birth_forgets_what_was_said() -> None:
    """After a reconnect everything is said again, under the new birth."""
    session, _ = connect()
    session, _ = session.lost().begin(6)
    _, sayings = session.connected(make_facts(), 200.0)
    assert kinds(sayings) == ["presence", "health", "spool"]
    assert parse_message(Presence, sayings[0].payload).birth == 6
