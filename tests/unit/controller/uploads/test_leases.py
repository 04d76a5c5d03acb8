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
from controller.uploads import leases, repo, spools
from controller.uploads.models import LeaseRow, SpoolReportRow
from controller.uploads.scheduler.plan import LINGERS_BPS, Grant
from protocol.documents import Lease, verify_document
from tests.house import House, Teacher, make_house
from tests.leasing import issue_lease, revoke
from tests.school import new_id


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


def test_tick_renews_the_same_lease_before_its_end(house: House) -> None:
    """Ticks through an hour: one lease at every moment, under one fence, each version newer than the one before."""
    unit = add_waiting(house, "Ada")
    for _ in range(120):
        leases.tick(house.services)
        with house.services.database.reading() as session:
            assert leases.current_line(session, unit.device, house.clock() + timedelta(minutes=5))
        house.clock.pass_time(timedelta(seconds=30))
    said = lines_of(house, unit.device)
    assert {(lease.lease, lease.fence, lease.not_before) for lease in said} == {(said[0].lease, 1, said[0].not_before)}
    versions = [lease.version for lease in said]
    assert versions == sorted(set(versions))
    assert 7 <= len(versions) <= 10


def test_second_unit_halves_the_rate_for_both(house: House) -> None:
    """When another unit comes, the first is lowered at once, and the other gets what that frees at the next tick."""
    first = add_waiting(house, "Ada")
    leases.tick(house.services)
    second = add_waiting(house, "Bo")
    leases.tick(house.services)
    assert lines_of(house, second.device) == []
    house.clock.pass_time(timedelta(seconds=30))
    leases.tick(house.services)
    assert [(lease.rate_bps, lease.fence) for lease in lines_of(house, first.device)] == [(1_000_000, 1), (500_000, 1)]
    assert [lease.rate_bps for lease in lines_of(house, second.device)] == [500_000]
    with house.services.database.reading() as session:
        assert sum(row.rate_bps for row in repo.leases_in_force(session, house.clock())) == 1_000_000


def test_unit_that_has_sent_everything_keeps_a_trifle_until_the_end_of_its_lease(house: House) -> None:
    """Under it, it fetches its receipts, without a broker too; it is not renewed, and the line is free for others."""
    unit = add_waiting(house, "Ada")
    leases.tick(house.services)
    with house.services.database.writing() as session:
        session.get_one(SpoolReportRow, unit.device).waiting_bytes = 0
    for _ in range(29):
        house.clock.pass_time(timedelta(seconds=30))
        leases.tick(house.services)
    first, second = lines_of(house, unit.device)
    assert (second.rate_bps, second.fence, second.expires_at) == (LINGERS_BPS, first.fence, first.expires_at)


def test_revoked_lease_lets_nobody_in(house: House) -> None:
    """Of a unit that is gone the lease is taken back: no lease is in force, and its fence is passed."""
    unit = add_waiting(house, "Ada")
    leases.tick(house.services)
    with house.services.database.writing() as session:
        session.get_one(Presence, unit.device).online = False
    leases.tick(house.services)
    with house.services.database.reading() as session:
        assert leases.current_line(session, unit.device, house.clock()) is None
        (row,) = session.scalars(select(LeaseRow)).all()
        assert row.revoked_at == house.clock()


def grant(house: House, unit: Teacher, *, lasts: timedelta, rate_bps: int = 1000, first: str | None = None) -> Lease:
    """Grant a lease from now on, and give what was signed."""
    now = house.clock()
    with house.services.database.writing() as session:
        row = issue_lease(house.services, session, Grant(unit.device, rate_bps, now, now + lasts, first))
    return verify_document(Lease, row.line, house.services.keys.trust)


def test_lease_that_would_end_earlier_is_another_one(house: House) -> None:
    """Nobody may go on to the older end: a shorter lease has an id and a fence of its own, and a newer version."""
    unit = add_waiting(house, "Ada")
    long = grant(house, unit, lasts=timedelta(hours=1))
    short = grant(house, unit, lasts=timedelta(minutes=5))
    assert (short.fence, short.version) == (long.fence + 1, long.version + 1)
    assert short.lease != long.lease
    with house.services.database.reading() as session:
        assert [row.id for row in repo.leases_in_force(session, house.clock())] == [short.lease]


@pytest.mark.parametrize("how", ["revoked", "over"])
def test_lease_after_one_that_was_revoked_or_ended_is_another_one(house: House, how: str) -> None:
    """After a revocation and after an end a lease begins anew, under a higher fence; its versions count on."""
    unit = add_waiting(house, "Ada")
    before = grant(house, unit, lasts=timedelta(hours=1))
    if how == "over":
        house.clock.pass_time(timedelta(hours=1))
    else:
        with house.services.database.writing() as session:
            revoke(house.services, session, unit.device)
    after = grant(house, unit, lasts=timedelta(hours=1))
    assert after.lease != before.lease
    assert after.fence > before.fence
    assert after.version == before.version + 1


def test_renewed_lease_is_an_older_versions_successor_for_the_unit(house: House) -> None:
    """Both lines of one lease verify, and the renewed one is newer by `(generation, version)` alone."""
    unit, wanted = add_waiting(house, "Ada"), new_id()
    first = grant(house, unit, lasts=timedelta(hours=1))
    second = grant(house, unit, lasts=timedelta(hours=1), rate_bps=7, first=wanted)
    assert (second.lease, second.fence) == (first.lease, first.fence)
    assert second.order > first.order
    assert (second.rate_bps, second.first) == (7, wanted)


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
        spools.note_asking(house.services, unit.device, None)
        leases.tick(house.services)  # a lease that has to be lowered for it counts until the next tick
        house.clock.pass_time(timedelta(seconds=30))
        assert granted(house, unit)
    house.clock.pass_time(timedelta(seconds=house.services.config.uploads.lease_s))
    assert not granted(house, unreachable)


def test_unit_that_is_heard_gets_no_lease_by_asking(house: House) -> None:
    """What a unit said lately counts: nothing waits, so asking brings nothing; two leases of silence later it does."""
    unit = add_waiting(house, "Ada", waiting_bytes=0)
    spools.note_asking(house.services, unit.device, None)
    assert not granted(house, unit)
    house.clock.pass_time(timedelta(seconds=2 * house.services.config.uploads.lease_s + 1))
    spools.note_asking(house.services, unit.device, None)
    assert granted(house, unit)
