"""When sessions are closed: the times of it with a clock of the test's, and a broker that does not answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controller.bridge.closing import AGAIN, SOON, Closing
from controller.bridge.link import BridgeSettings, SessionCloser, TlsFiles
from controller.enrollment.repo import enter_certificate
from controller.enrollment.revocation import revoke_key, revoke_unit
from controller.keys import load_authority
from protocol.pki import Credential, issue_device, issue_issuing_authority, issue_root_authority, spki_digest
from tests.house import House, Teacher, make_house
from tests.school_broker import school_broker

NOW = datetime.now(UTC)


@dataclass
class Door:
    """A door to a broker that answers or does not."""

    answers: bool = True
    taken: list[str] = field(default_factory=list)

    def take_over(self, client: str) -> bool:
        """Note who was asked for."""
        self.taken.append(client)
        return self.answers


@dataclass
class Room:
    """A controller with a unit, and its closing."""

    house: House
    unit: Teacher
    door: Door
    closing: Closing

    def certify(self) -> Credential:
        """Issue a certificate to the unit."""
        authority = load_authority(self.house.services.config.controller.keys)
        credential = issue_device(authority, self.unit.device, now=self.house.clock())
        with self.house.services.database.writing() as session:
            enter_certificate(session, self.unit.device, credential.certificate, now=self.house.clock())
        return credential

    def revoke(self) -> None:
        """Take all of them back."""
        with self.house.services.database.writing() as session:
            revoke_unit(session, self.unit.device, why="lost", now=self.house.clock())

    def times(self, lasts: timedelta) -> list[timedelta]:
        """Let time pass, a second at a turn, and tell when the session was closed."""
        began, found = self.house.clock(), []
        while self.house.clock() - began <= lasts:
            before = len(self.door.taken)
            self.closing.look()
            self.closing.perform()
            found += [self.house.clock() - began] * (len(self.door.taken) - before)
            self.house.clock.pass_time(timedelta(seconds=1))
        return found


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A controller, a unit, a door."""
    house, door = make_house(tmp_path), Door()
    yield Room(house, house.add_teacher(), door, Closing(house.services, door, threading.Event()))
    house.services.database.close()


def test_session_is_closed_again_until_the_broker_surely_knows(room: Room) -> None:
    """At once and at growing distances, and then no more."""
    room.certify()
    room.revoke()
    assert room.times(timedelta(minutes=2)) == list(AGAIN)


def test_unit_with_another_good_certificate_is_closed_for_a_short_time(room: Room) -> None:
    """It comes back with the good one, and is not disturbed for longer than needed."""
    old = room.certify()
    room.certify()
    with room.house.services.database.writing() as session:
        key = spki_digest(old.key.public_key())
        revoke_key(session, room.unit.device, key, why="replaced", now=room.house.clock())
    assert room.times(timedelta(minutes=2)) == list(SOON)


def test_broker_that_does_not_answer_is_asked_again(room: Room) -> None:
    """Until it has confirmed: a session that was not closed stays due at every turn."""
    room.certify()
    room.revoke()
    room.door.answers = False
    assert len(room.times(timedelta(seconds=60))) == 61
    assert room.closing.closed == 0
    room.door.answers = True
    assert room.times(timedelta(seconds=60)) == [timedelta(0)], "what was due meanwhile is done by one"


def test_revocation_of_a_certificate_that_ended_closes_nothing(room: Room) -> None:
    """TLS refuses it without a list."""
    credential = room.certify()
    room.house.clock.now = credential.certificate.not_valid_after_utc + timedelta(seconds=1)
    room.revoke()
    assert room.times(timedelta(minutes=1)) == []


def test_speaker_without_a_certificate_is_closed_and_not_more_often_than_needed(room: Room) -> None:
    """Every message of a stranger counts once in two seconds; a unit with a good certificate is left alone."""
    stranger = "a" * 26
    room.certify()
    for _ in range(100):
        room.closing.heard_from(stranger)
        room.closing.heard_from(room.unit.device)
    assert room.times(timedelta(seconds=1)) == [timedelta(0)]
    assert room.door.taken == [stranger]
    room.closing.heard_from(stranger)
    assert room.times(timedelta(seconds=1)) == [timedelta(0)]


# paho leaves the socket of a failed handshake to the garbage collector, which closes it with a warning
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_closer_proves_the_broker_before_it_trusts_it(tmp_path: Path) -> None:
    """Another authority's broker, and one that is not there, have closed nothing; the school's own has."""
    root, other = (issue_root_authority(name, now=NOW) for name in ("Root", "Other"))
    (tmp_path / "other.pem").write_bytes(other.certificate_pem())
    with school_broker(issue_issuing_authority(root, "Issuing", now=NOW), root=root, now=NOW) as broker:
        papers, port = broker.bridge_papers, broker.plan.bridge_port

        def close(authority: Path, at: int) -> bool:
            tls = TlsFiles(authority=authority, certificate=papers.certificate, key=papers.key)
            return SessionCloser(BridgeSettings(host="127.0.0.1", port=at, tls=tls)).take_over("a" * 26)

        assert close(broker.files / "ca.pem", port)
        assert not close(tmp_path / "other.pem", port)
        assert not close(broker.files / "ca.pem", 9)
