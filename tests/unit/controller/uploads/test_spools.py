"""What units say of their spools: over MQTT and with their asking, for the scheduler, the newest counting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.calendar.window import ALWAYS
from controller.config import Uploads
from controller.devices.models import Device, Presence
from controller.uploads import leases, spools
from controller.uploads.models import SpoolReportRow
from protocol.backlog import HEADER, Backlog, encode_backlog
from protocol.messages import SpoolReport
from tests.house import House, make_house
from tests.leasing import revoke
from tests.unit.controller.uploads.unit_client import UnitClient, make_unit

SAID = Backlog(waiting_bytes=1000, due_bytes=300, measured_bps=20, link_bps=30)


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[UnitClient]:
    """Make a unit with a lease, at a controller that takes uploads at any time."""
    house = make_house(tmp_path)
    config = replace(house.services.config, uploads=Uploads(window=ALWAYS, rate_bps=1_000_000, reserve_bytes=1))
    house = replace(house, services=replace(house.services, config=config))
    yield make_unit(house)
    house.services.database.close()


def kept(house: House, device: str) -> Backlog | None:
    """Give what is known of a unit's spool."""
    with house.services.database.reading() as session:
        row = session.get(SpoolReportRow, device)
        return row and Backlog(
            waiting_bytes=row.waiting_bytes,
            due_bytes=row.due_bytes,
            measured_bps=row.measured_bps,
            link_bps=row.link_bps,
        )


def ask(unit: UnitClient, said: str) -> int:
    """Ask for a lease, saying this of the spool; give the status."""
    return unit.ask("GET", "/lease", more={HEADER: said}).status_code


def test_header_is_kept_at_each_asking(unit: UnitClient) -> None:
    """With a lease in force and without, the newest that was said stands; nothing is said, too."""
    device = unit.teacher.device
    assert ask(unit, encode_backlog(SAID)) == 200
    assert kept(unit.house, device) == SAID
    assert ask(unit, encode_backlog(Backlog())) == 200
    assert kept(unit.house, device) == Backlog()


def test_header_of_another_form_is_refused_and_changes_nothing(unit: UnitClient) -> None:
    """400 with its own code: a unit that says nonsense is not taken for one with an empty spool."""
    ask(unit, encode_backlog(SAID))
    answer = unit.ask("GET", "/lease", more={HEADER: "waiting=all"})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "spool_malformed")
    assert kept(unit.house, unit.teacher.device) == SAID


def test_older_release_says_nothing_and_is_answered(unit: UnitClient) -> None:
    """Without the header the lease is given as before, and nothing is known of the spool."""
    assert unit.ask("GET", "/lease").status_code == 200
    assert kept(unit.house, unit.teacher.device) is None


def test_report_and_header_count_alike_and_the_newest_stands(unit: UnitClient) -> None:
    """A report over MQTT carries the same, also after a header; one older than the last changes nothing."""
    house, device, now = unit.house, unit.teacher.device, unit.house.clock()
    report = SpoolReport(device=device, waiting_bytes=9, due_bytes=8, measured_bps=7, link_bps=6, oldest_at=now, at=now)
    ask(unit, encode_backlog(SAID))
    with house.services.database.writing() as session:
        spools.note_report(session, report, now)
        spools.note_report(session, replace(report, waiting_bytes=1, at=now - timedelta(seconds=1)), now)
    assert kept(house, device) == Backlog(waiting_bytes=9, due_bytes=8, measured_bps=7, link_bps=6)


def test_report_that_claims_more_due_than_waits_is_kept_as_far_as_it_can_be(unit: UnitClient) -> None:
    """What is due is a part of what waits."""
    house, device = unit.house, unit.teacher.device
    with house.services.database.writing() as session:
        said = SpoolReport(device=device, waiting_bytes=9, due_bytes=80, at=house.clock())
        spools.note_report(session, said, house.clock())
    assert kept(house, device) == Backlog(waiting_bytes=9, due_bytes=9)


@pytest.mark.parametrize(("waiting_bytes", "expected"), [(1000, 1), (0, 0)])
def test_unit_without_a_broker_gets_a_lease_by_what_it_said(
    unit: UnitClient, waiting_bytes: int, expected: int
) -> None:
    """A unit that is offline for MQTT is known by its asking: with bytes it has a lease at the tick, without none."""
    house, teacher = unit.house, unit.house.add_teacher("Bo Moreno", "Bo")
    with house.services.database.writing() as session:
        revoke(house.services, session, unit.teacher.device)  # it promises more than any disk holds
    house.clock.pass_time(timedelta(seconds=30))
    with house.services.database.writing() as session:
        session.add(Presence(device=teacher.device, birth=1, online=False, version="1", changed_at=house.clock()))
    spools.note_asking(house.services, teacher.device, Backlog(waiting_bytes=waiting_bytes))
    leases.tick(house.services)
    with house.services.database.reading() as session:
        assert session.get_one(Device, teacher.device).asked_at == house.clock()
        assert (leases.current_line(session, teacher.device, house.clock()) is not None) == bool(expected)
