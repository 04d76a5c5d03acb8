"""Who runs the units of one site changes those alone: asked in the transaction that writes, not before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.devices import life
from controller.devices.history import Deed
from controller.devices.life import Place
from controller.devices.models import Device
from controller.devices.refusals import ChangeRefusedError, Fault
from controller.services import Services
from tests.house import House, Teacher

Change = Callable[[Services, str, Deed], object]


def put_at(house: House, teacher: Teacher, site: str) -> None:
    """Say at which site a unit stands."""
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).site = site


@pytest.mark.parametrize(
    "change",
    [
        life.identify,
        life.retire,
        life.declare_lost,
        lambda services, unit, deed: life.accept(services, unit, "looked at it", deed),
        lambda services, unit, deed: life.move(services, unit, Place(label="Mine"), deed),
        life.remove,
    ],
    ids=["identify", "retire", "lose", "accept", "move", "remove"],
)
def test_unit_that_has_gone_to_another_site_does_not_exist_for_this_ones_it(house: House, change: Change) -> None:
    """Each change finds it as it is when it writes, whatever the page that asked had seen."""
    teacher = house.add_teacher()
    put_at(house, teacher, "South")
    with pytest.raises(ChangeRefusedError) as refused:
        change(house.services, teacher.device, Deed("it", house.clock(), frozenset({"North"})))
    assert refused.value.fault is Fault.UNIT_UNKNOWN


def test_spare_of_ones_own_site_replaces_none_of_another(house: House) -> None:
    """A swap touches two units, and both have to be theirs."""
    here, there = house.add_teacher(), house.add_teacher("Bea New", room="Room 14")
    put_at(house, here, "North")
    put_at(house, there, "South")
    deed = Deed("it", house.clock(), frozenset({"North"}))
    for unit, spare in ((there.device, here.device), (here.device, there.device)):
        with pytest.raises(ChangeRefusedError) as refused:
            life.swap(house.services, unit, spare, deed)
        assert refused.value.fault is Fault.UNIT_UNKNOWN


def test_unit_is_moved_within_ones_own_sites_alone(house: House) -> None:
    """To another's it is refused by the field, to one's own it goes."""
    teacher = house.add_teacher()
    put_at(house, teacher, "North")
    deed = Deed("it", house.clock(), frozenset({"North", "East"}))
    with pytest.raises(ChangeRefusedError) as refused:
        life.move(house.services, teacher.device, Place(site=" South "), deed)
    assert refused.value.fault is Fault.SITE_FOREIGN
    assert life.move(house.services, teacher.device, Place(site="East"), deed).site == "East"
