"""The job of the deadlines is killed at every point: nothing is destroyed early, nothing twice, nothing forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.claims.models import Standstill
from controller.claims.policy import Said
from controller.recordings.models import Ownership, RecordingState
from tests.claims import history_of, leave_unclaimed, lose_role, row_of, run_for
from tests.crash.looks import look, look_killed, reopen
from tests.crash.ticks import SOME_OR_ALL, spread
from tests.house import House, make_house
from tests.lesson import BEGAN_AT
from tests.unit.controller.uploads.unit_client import made_up_segment

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
STARTS_AGAIN = (timedelta(0), timedelta(minutes=1), timedelta(hours=5))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A school on the morning after a deadline, and recordings of every kind."""

    house: House
    folder: Path
    over: str
    fresh: str
    mine: str
    gone: str
    silent: str

    @property
    def now(self) -> datetime:
        """Give the instant of the look."""
        return self.house.clock()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """One that nobody claimed in time, one that has days left, one that is owned, one whose teacher left, and one for
    which whoever was asked has not answered in time."""
    folder = tmp_path_factory.mktemp("claims")
    house = make_house(folder)
    ada, bea = house.add_teacher(), house.add_teacher("Bea Left", room="Room 13")
    segments = [made_up_segment(), made_up_segment()]
    over = leave_unclaimed(house, ada, segments)
    mine = house.deliver(house.make_lesson(ada, segments))
    silent = house.deliver_unasked(house.make_lesson(ada, segments))
    run_for(house, 15 * DAY)
    fresh = leave_unclaimed(house, ada, segments, began_at=BEGAN_AT + 15 * DAY)
    gone = house.deliver_unasked(house.make_lesson(bea, segments, began_at=BEGAN_AT + 15 * DAY))
    lose_role(house, bea.id)
    house.services.database.close()
    return Scene(house=house, folder=folder, over=over, fresh=fresh, mine=mine, gone=gone, silent=silent)


def check_kept(house: House, scene: Scene) -> None:
    """What is not due is there, wherever the look was killed."""
    keys = house.services.key_store
    assert all(keys.holds(recording) for recording in (scene.fresh, scene.mine, scene.gone, scene.silent))
    assert row_of(house, scene.fresh).ownership is Ownership.UNCLAIMED
    assert row_of(house, scene.mine).ownership is Ownership.CONFIRMED
    assert {row_of(house, each).state for each in (scene.fresh, scene.mine, scene.gone, scene.silent)} == {
        RecordingState.READY
    }


def check_done(house: House, scene: Scene) -> None:
    """What was due is done, once."""
    assert not house.services.key_store.holds(scene.over)
    assert not (house.services.config.controller.data / "objects" / scene.over).exists()
    assert row_of(house, scene.over).state is RecordingState.DESTROYED
    assert history_of(house, scene.over) == [Said.SUBSTITUTE, Said.OVER]
    assert row_of(house, scene.gone).ownership is Ownership.UNCLAIMED
    assert history_of(house, scene.gone) == [Said.OWNER_GONE]
    assert row_of(house, scene.silent).ownership is Ownership.UNCLAIMED
    assert history_of(house, scene.silent) == [Said.UNANSWERED]
    assert history_of(house, scene.fresh) == [Said.SUBSTITUTE]
    assert history_of(house, scene.mine) == [Said.YES]


@pytest.mark.parametrize("step", SOME_OR_ALL)
def test_look_killed_at_any_point_destroys_what_is_over_once_and_nothing_else(scene: Scene, step: int) -> None:
    """Wherever SIGKILL falls, two looks later the one that nobody claimed is gone, and all others are there."""
    points = look_killed(scene.house, scene.folder / f"whole-{step}", scene.now, kill_at=0)
    assert points > 40
    for kill_at in spread(points, step):
        folder = scene.folder / f"killed-{step}-{kill_at}"
        assert look_killed(scene.house, folder, scene.now, kill_at=kill_at) == 0
        again = reopen(scene.house, folder, scene.now + STARTS_AGAIN[kill_at % 3])
        check_kept(again, scene)
        for _ in range(2):
            look(again.services)
            again.clock.pass_time(MINUTE)
        check_kept(again, scene)
        check_done(again, scene)
        again.services.database.close()


@pytest.mark.parametrize("step", SOME_OR_ALL)
def test_look_killed_after_a_standstill_destroys_nothing_early(scene: Scene, step: int) -> None:
    """Down from before the deadline until days after it: however often the first looks are killed, the days that were
    promised are given, and then it ends."""
    folder, back = scene.folder / f"down-{step}", scene.now + 6 * DAY
    before = reopen(scene.house, folder, BEGAN_AT + 10 * DAY)
    run_for(before, timedelta(0))
    before.services.database.close()
    points = look_killed(before, folder, back, kill_at=0)
    again = reopen(scene.house, folder, back)
    check_kept(again, scene)
    assert again.services.key_store.holds(scene.over)
    again.services.database.close()
    for kill_at in reversed(spread(points, step)):
        look_killed(scene.house, folder, back + kill_at * MINUTE, kill_at=kill_at)
    again = reopen(scene.house, folder, back + 2 * DAY)
    run_for(again, timedelta(0))
    look(again.services)
    assert again.services.key_store.holds(scene.over), "two of the days that were promised are left"
    with again.services.database.reading() as session:
        down = session.scalars(select(Standstill)).all()
    assert sum((each.ends_at - each.begins_at for each in down), timedelta(0)) >= back - (BEGAN_AT + 10 * DAY) - DAY
    run_for(again, 5 * DAY)
    for _ in range(2):
        look(again.services)
    assert row_of(again, scene.over).state is RecordingState.DESTROYED
    again.services.database.close()
