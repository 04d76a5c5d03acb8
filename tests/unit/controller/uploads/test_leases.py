"""Leases performed: rows, fences, signed documents and the outbox, from what units said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.bridge.models import Outbox
from controller.calendar.window import ALWAYS
from controller.config import Uploads
from controller.devices.models import Presence
from controller.uploads import leases
from controller.uploads.models import LeaseRow, SpoolReportRow
from protocol.documents import Lease, verify_document
from tests.house import House, Teacher, make_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller that takes uploads at any time, 1 Mbit/s in all."""
    made = make_house(tmp_path)
    config = replace(made.services.config, uploads=Uploads(window=ALWAYS, rate_bps=1_000_000, reserve_bytes=1))
    yield replace(made, services=replace(made.services, config=config))
    made.services.database.close()


def add_waiting(house: House, name: str, *, waiting_bytes: int = 1000, online: bool = True) -> Teacher:
    """Add a unit that has said that bytes wait."""
    teacher, now = house.add_teacher(f"{name} Moreno", name), house.clock()
    with house.services.database.writing() as session:
        session.add(Presence(device=teacher.device, birth=1, online=online, version="1", changed_at=now))
        report = SpoolReportRow(device=teacher.device, waiting_bytes=waiting_bytes, said_at=now, received_at=now)
        report.waiting_since = now
        session.add(report)
    return teacher


def lines_of(house: House, device: str) -> list[Lease]:
    """Give the leases that were put into the outbox for a device, verified."""
    with house.services.database.reading() as session:
        rows = session.scalars(select(Outbox).where(Outbox.topic.contains(device)).order_by(Outbox.id)).all()
    return [verify_document(Lease, row.payload, house.services.keys.trust) for row in rows if "lease" in row.topic]


def test_waiting_unit_gets_a_signed_lease(house: House) -> None:
    """The lease is signed by the lease key, names device, fence and rate, and is on its way to the unit."""
    unit = add_waiting(house, "Ada")
    leases.tick(house.services)
    (lease,) = lines_of(house, unit.device)
    assert (lease.device, lease.fence, lease.rate_bps) == (unit.device, 1, 1_000_000)
    with house.services.database.reading() as session:
        held = leases.current_line(session, unit.device, house.clock())
    assert held is not None
    assert verify_document(Lease, held, house.services.keys.trust) == lease


@pytest.mark.parametrize("said", [{"waiting_bytes": 0}, {"online": False}])
def test_unit_without_need_or_reach_gets_none(house: House, said: dict[str, int]) -> None:
    """Nothing to send, or not reachable: no lease."""
    unit = add_waiting(house, "Ada", **said)  # type: ignore[arg-type]  # one of two options
    leases.tick(house.services)
    assert lines_of(house, unit.device) == []


def test_tick_renews_before_the_end_under_a_higher_fence(house: House) -> None:
    """Ticks through an hour: there is a lease at every moment, and each fence is higher than the one before."""
    unit = add_waiting(house, "Ada")
    for _ in range(120):
        leases.tick(house.services)
        with house.services.database.reading() as session:
            assert leases.current_line(session, unit.device, house.clock() + timedelta(minutes=5))
        house.clock.pass_time(timedelta(seconds=30))
    fences = [lease.fence for lease in lines_of(house, unit.device)]
    assert fences == sorted(set(fences))
    assert 7 <= len(fences) <= 10


def test_second_unit_halves_the_rate_for_both(house: House) -> None:
    """When another unit comes, both get half under new fences in one step: the total is kept at every moment."""
    first = add_waiting(house, "Ada")
    leases.tick(house.services)
    second = add_waiting(house, "Bo")
    leases.tick(house.services)
    assert [lease.rate_bps for lease in lines_of(house, first.device)] == [1_000_000, 500_000]
    assert [lease.rate_bps for lease in lines_of(house, second.device)] == [500_000]
    with house.services.database.reading() as session:
        from controller.uploads import repo

        assert sum(row.rate_bps for row in repo.leases_in_force(session, house.clock())) == 1_000_000


def test_revoked_lease_lets_nobody_in(house: House) -> None:
    """When everything was sent, the lease is taken back: no lease is in force, and its fence is passed."""
    unit = add_waiting(house, "Ada")
    leases.tick(house.services)
    with house.services.database.writing() as session:
        session.get_one(SpoolReportRow, unit.device).waiting_bytes = 0
    leases.tick(house.services)
    with house.services.database.reading() as session:
        assert leases.current_line(session, unit.device, house.clock()) is None
        (row,) = session.scalars(select(LeaseRow)).all()
        assert row.revoked_at == house.clock()


def granted(house: House, unit: Teacher) -> bool:
    """Let a tick pass, and tell whether the unit has a lease then."""
    leases.tick(house.services)
    with house.services.database.reading() as session:
        return leases.current_line(session, unit.device, house.clock()) is not None


def test_unit_that_is_not_heard_gets_a_lease_by_asking(house: House) -> None:
    """Without a broker nobody knows what waits: whoever asks over HTTPS has a lease as long as it goes on asking."""
    unreachable = add_waiting(house, "Ada", online=False)
    never_heard = house.add_teacher("Bo Moreno", "Bo")
    for unit in (unreachable, never_heard):
        assert not granted(house, unit)
        leases.note_asking(house.services, unit.device)
        assert granted(house, unit)
    house.clock.pass_time(timedelta(seconds=house.services.config.uploads.lease_s))
    assert not granted(house, unreachable)


def test_unit_that_is_heard_gets_no_lease_by_asking(house: House) -> None:
    """What a unit said lately counts: nothing waits, so asking brings nothing; two leases of silence later it does."""
    unit = add_waiting(house, "Ada", waiting_bytes=0)
    leases.note_asking(house.services, unit.device)
    assert not granted(house, unit)
    house.clock.pass_time(timedelta(seconds=2 * house.services.config.uploads.lease_s + 1))
    leases.note_asking(house.services, unit.device)
    assert granted(house, unit)
