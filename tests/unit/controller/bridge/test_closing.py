"""A revoked unit at the broker and at the controller: real Mosquitto with the school's files, processes, TLS.

That it happens is asserted here; how soon is printed by `python -m tests.attacks`, which does it many times.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from controller.bridge.closing import SOON
from controller.enrollment.models import Certificate
from controller.enrollment.repo import enter_certificate
from controller.enrollment.revocation import renew_list, revoke_key, revoke_unit
from protocol.pki import issue_device
from protocol.topics import Down, Up, down_topic, every_down, up_topic
from tests.broker import PATIENCE_S
from tests.revoking import Stand, Unit, school_that_revokes, wait_for
from tests.school import new_id


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The school, with its bridge running."""
    with school_that_revokes(tmp_path_factory.mktemp("school")) as made:
        yield made


def test_live_session_of_a_revoked_unit_is_closed(stand: Stand) -> None:
    """Another process revokes: the unit's open MQTT session ends, it gets no other one, its neighbour keeps its own."""
    lost, kept = stand.add_unit("lost"), stand.add_unit("kept")
    with stand.connect(lost) as session, stand.connect(kept) as neighbour:
        stand.revoke(lost)
        assert session.is_closed(PATIENCE_S)
        wait_for(lambda: not stand.is_let_in(lost))
        neighbour.settle()
        assert stand.is_let_in(kept)


def test_what_the_broker_kept_for_a_revoked_unit_is_emptied(stand: Stand) -> None:
    """Nothing that was retained for it is left for whoever gets in after all."""
    unit = stand.add_unit("emptied")
    with stand.broker.dial_bridge() as said:
        assert said.connect("before") == 0
        said.publish(down_topic(unit.device, Down.POLICY), b"lessons of the week", qos=1, retain=1)
        said.settle()
    with stand.connect(unit) as before:
        before.subscribe(every_down(unit.device))
        before.settle()
        assert b"lessons of the week" in [heard.payload for heard in before.heard]  # the bridge may add its own
        wait_for(lambda: b"lessons of the week" in saved(stand))
        stand.revoke(unit)
        assert before.is_closed(PATIENCE_S)
        wait_for(lambda: b"lessons of the week" not in saved(stand))


def saved(stand: Stand) -> bytes:
    """Have Mosquitto write now what it writes each minute (SIGUSR1), and give what is on its disk."""
    process, kept = stand.broker.process, Path(stand.broker.plan.state) / "mosquitto.db"
    assert process
    process.send_signal(signal.SIGUSR1)
    return kept.read_bytes() if kept.exists() else b""


def test_session_is_closed_by_a_bridge_that_was_away(stand: Stand) -> None:
    """Revoked while the bridge was stopped: the session lives on, and ends when the bridge is back."""
    unit, canary = stand.add_unit("away"), stand.add_unit("canary")
    with stand.connect(unit) as session:
        stand.stop_bridge()
        stand.revoke(unit)
        stand.revoke(canary)
        wait_for(lambda: not stand.is_let_in(canary))
        assert not session.is_closed(1.5)
        assert not stand.is_let_in(unit)
        session.settle()
        stand.start_bridge()
        assert session.is_closed(PATIENCE_S)


def test_unit_that_comes_back_before_the_list_is_closed_again(stand: Stand) -> None:
    """Between the revocation and the broker's new list a take-over alone would not be enough; it is repeated."""
    unit, services = stand.add_unit("quick"), stand.controller.services
    with stand.connect(unit) as first:
        with services.database.writing() as session:
            revoke_unit(session, unit.device, why="lost", now=services.clock())
        assert first.is_closed(PATIENCE_S)
        with stand.connect(unit) as second:
            assert second.is_closed(PATIENCE_S)
    renew_list(services)
    wait_for(lambda: not stand.is_let_in(unit))


def test_whoever_speaks_without_a_good_certificate_is_closed(stand: Stand) -> None:
    """A certificate of the school's CA that the registry does not know: what it says is dropped, its session ended."""

    device = new_id()
    stranger = Unit(
        device, stand.broker.papers(device, issue_device(stand.broker.authority, device, now=stand.broker.now))
    )
    with stand.connect(stranger) as session:
        session.publish(up_topic(device, Up.PRESENCE), b"{}", qos=1)
        assert session.is_closed(PATIENCE_S)


def test_http_refuses_a_revoked_unit_at_its_next_request(stand: Stand) -> None:
    """Over a connection that was open before: the registry is asked each time, no list and no handshake is needed."""
    unit, controller = stand.add_unit("asks"), stand.controller
    controller.start()
    with requests.Session() as session:
        session.trust_env = False
        session.verify = controller.authority
        session.cert = (str(unit.papers.certificate), str(unit.papers.key))
        assert session.get(f"{controller.url}/documents", timeout=PATIENCE_S).status_code == 200
        stand.revoke(unit)
        refused = session.get(f"{controller.url}/documents", timeout=PATIENCE_S)
    assert (refused.status_code, refused.json()["error"]) == (403, "certificate_unknown")


def test_unit_that_changed_its_key_goes_on(stand: Stand) -> None:
    """Its old certificate is taken back and its session closed; with its new one it is let in, and soon left alone."""
    unit, services = stand.add_unit("renewed"), stand.controller.services
    fresh = issue_device(stand.broker.authority, unit.device, now=services.clock())
    with stand.connect(unit) as before:
        with services.database.writing() as session:
            (old,) = session.scalars(select(Certificate).where(Certificate.device == unit.device)).all()
            enter_certificate(session, unit.device, fresh.certificate, now=services.clock())
            revoke_key(session, unit.device, old.spki, why="replaced", now=services.clock())
        renew_list(services)
        assert before.is_closed(PATIENCE_S)
    wait_for(lambda: not stand.is_let_in(unit))
    again = Unit(unit.device, stand.broker.papers("renewed", fresh))
    wait_for(lambda: _stays(stand, again))


def _stays(stand: Stand, unit: Unit) -> bool:
    """Tell whether a session lives for longer than the longest pause between two closings."""
    with stand.connect(unit) as session:
        return not session.is_closed(2 * SOON[-1].total_seconds())
