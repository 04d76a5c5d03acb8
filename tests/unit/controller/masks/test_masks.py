"""A room's mask on the school's side: read, kept by version, and told to the room's unit at once."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from controller.devices.abilities import note_abilities
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.masks.models import MaskVersion
from controller.masks.policy import Fault, MaskRefusedError, draw_points, read_areas, share_permille, write_area
from controller.masks.writing import NewMask, set_mask
from controller.timetable.history import Happening, events
from controller.timetable.repo import require_room
from protocol.documents import Permission, Policy, peek_document
from protocol.masks import Area
from tests.house import House, Teacher, house

__all__ = ["house"]
LEFT = "0 600, 300 600, 300 1000, 0 1000"
BACK = "400 0, 600 0, 500 200"


def stand(house: House, teacher: Teacher, room: str) -> None:
    """Have a teacher's unit stand in a room."""
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).room_name = room


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher whose unit hides areas."""
    made = house.add_teacher()
    stand(house, made, "Room 7")
    renew_policies(house.services)
    note_abilities(house.services, made.device, "hides_areas, omits_sound")
    return made


@pytest.fixture
def room(house: House, teacher: Teacher) -> str:
    """Give the room in which the teacher's unit stands."""
    with house.services.database.writing() as session:
        site = session.get_one(Device, teacher.device).site
        return require_room(session, site, "Room 7", house.services.random_bytes).id


def told(house: House, teacher: Teacher) -> Policy:
    """Give what the unit was told last."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line is not None
    return peek_document(Policy, line)


def _set(house: House, room: str, *lines: str, seen: int, reason: str = "") -> int:
    return set_mask(house.services, room, NewMask(areas=read_areas(lines), seen=seen, reason=reason), by="office")


def test_mask_reaches_the_unit_with_the_transaction_that_sets_it(house: House, teacher: Teacher, room: str) -> None:
    """Version by version, as the room's; the unit's decisions stay what they were."""
    before = told(house, teacher)
    assert (before.must_mask, before.otherwise.permission) == (None, Permission.ALLOWED)
    assert (_set(house, room, LEFT, seen=0), _set(house, room, LEFT, BACK, seen=1)) == (1, 2)
    after = told(house, teacher)
    assert after.otherwise == before.otherwise
    assert after.version == before.version + 2
    mask = after.must_mask
    assert mask is not None
    assert (mask.room, mask.version, [write_area(each) for each in mask.areas]) == (room, 2, [LEFT, BACK])


def test_mask_leaves_a_line_in_the_rooms_history(house: House, room: str) -> None:
    """Who and when, the version and how many areas; one that is refused leaves none."""
    _set(house, room, LEFT, BACK, seen=0)
    with pytest.raises(MaskRefusedError):
        _set(house, room, LEFT, seen=0)
    _set(house, room, seen=1, reason="new seats")
    with house.services.database.reading() as session:
        lines = [(row.what, row.by, row.at, json.loads(row.detail)) for row in events(session, room)]
    now = house.clock()
    assert lines == [
        (Happening.MASK_ENDED, "office", now, {"version": 2, "areas": 0}),
        (Happening.MASK_SET, "office", now, {"version": 1, "areas": 2}),
    ]


def test_mask_is_taken_away_with_a_reason_and_its_version_never_comes_back(
    house: House, teacher: Teacher, room: str
) -> None:
    """Nothing is erased: the reason stands in a version of its own, and the next mask is the third."""
    _set(house, room, LEFT, seen=0)
    with pytest.raises(MaskRefusedError) as refused:
        _set(house, room, seen=1)
    assert refused.value.fault is Fault.REASON_MISSING
    _set(house, room, seen=1, reason="the seats were moved")
    assert told(house, teacher).must_mask is None
    _set(house, room, LEFT, seen=2)
    assert told(house, teacher).must_mask == read_mask(house, teacher, 3)
    with house.services.database.reading() as session:
        rows = session.scalars(select(MaskVersion).order_by(MaskVersion.version)).all()
    assert [(row.version, row.reason) for row in rows] == [(1, ""), (2, "the seats were moved"), (3, "")]


def read_mask(house: House, teacher: Teacher, version: int) -> object:
    """Give the unit's mask, of which the version is this one."""
    mask = told(house, teacher).must_mask
    assert mask is not None
    assert mask.version == version
    return mask


def test_two_people_do_not_overwrite_each_other(house: House, room: str) -> None:
    """Who saw an older version changes nothing; neither does who sets what holds."""
    _set(house, room, LEFT, seen=0)
    for lines, seen, fault in (([BACK], 0, Fault.CHANGED_MEANWHILE), ([LEFT], 1, Fault.NOTHING_CHANGES)):
        with pytest.raises(MaskRefusedError) as refused:
            _set(house, room, *lines, seen=seen)
        assert refused.value.fault is fault
    with house.services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(MaskVersion)) == 1


def test_unit_that_cannot_hide_is_told_to_refuse(house: House, room: str) -> None:
    """One of an earlier release would refuse the snapshot, and go on by the one before."""
    made = house.add_teacher("Ola Other")
    stand(house, made, "Room 8")
    renew_policies(house.services)
    with house.services.database.writing() as session:
        site = session.get_one(Device, made.device).site
        other = require_room(session, site, "Room 8", house.services.random_bytes).id
    _set(house, other, LEFT, seen=0)
    policy = told(house, made)
    assert policy.must_mask is None
    assert (policy.otherwise.permission, policy.otherwise.reason) == (Permission.REFUSED, "unit_cannot_hide_areas")
    note_abilities(house.services, made.device, "hides_areas")
    assert told(house, made).must_mask is not None


def test_unit_that_is_moved_is_told_of_the_other_room(house: House, teacher: Teacher, room: str) -> None:
    """A mask is of a room, not of a unit."""
    _set(house, room, LEFT, seen=0)
    stand(house, teacher, "Room 9")
    renew_policies(house.services)
    assert told(house, teacher).must_mask is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 0, 1 1", Fault.CORNERS_COUNT),
        ("0 0, 1 1, a b", Fault.CORNERS_MALFORMED),
        ("0 0, 10 0, 0 -5", Fault.CORNERS_MALFORMED),
        ("0 0, 1 1.5, 0 5", Fault.CORNERS_MALFORMED),
        ("0 0, 1001 0, 0 5", Fault.OUTSIDE),
        ("0 0, 100 100, 100 0, 0 100", Fault.SIDES_MEET),
    ],
)
def test_line_that_is_no_area_is_refused_by_its_number(line: str, fault: Fault) -> None:
    """An empty line before it counts, since people count lines."""
    with pytest.raises(MaskRefusedError) as refused:
        read_areas([LEFT, "", line])
    assert (refused.value.fault, refused.value.area) == (fault, 3)


def test_more_than_twelve_areas_are_refused() -> None:
    """A mask has at most twelve."""
    with pytest.raises(MaskRefusedError) as refused:
        read_areas([BACK] * 13)
    assert refused.value.fault is Fault.TOO_MANY


def test_area_is_drawn_and_measured() -> None:
    """In the shape of a shown picture, 16 by 9; a triangle of 200 by 200 thousandths is 2 % of it."""
    (area,) = read_areas([BACK])
    assert isinstance(area, Area)
    assert draw_points(area) == "400,0 600,0 500,112.5"
    assert share_permille([area]) == 20
    assert share_permille(read_areas(["0 0, 1000 0, 1000 1000, 0 1000"] * 2)) == 1000
