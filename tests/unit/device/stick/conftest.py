"""A school, a unit that has a few recordings, and a stick that is a folder with little room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.config import load_config
from device.stick.sync import Visit
from protocol.durable import REAL
from protocol.envelope import KeyIdentity, OpenReader
from protocol.epochs import EpochsHeld, issue_epochs_held
from protocol.stick import MIB, Kind, Way, read_records, record_header
from protocol.stick_folder import PartsReader
from tests.fakes.clock import ManualClock
from tests.school import School, UnitBundle, make_school

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
ROOM = 82 * MIB
"""Of which 64 stay free: such a stick is filled with 17 MiB."""
Records = list[tuple[Kind, int, bytes]]


@dataclass(frozen=True)
class Scene:
    """A unit and a stick beside it."""

    school: School
    unit: UnitBundle
    visit: Visit

    def records(self, *identities: KeyIdentity) -> Records:
        """Open the export as the school does, without its padding."""
        with PartsReader(self.visit.folder.parts()) as source:
            opened = OpenReader(source, identities or tuple(self.school.epoch_identities.values()))
            found = read_records(opened, Way.TO_SCHOOL)
            return [(one.kind, one.index, one.read_all()) for one in found if one.kind is not Kind.PADDING]

    def with_room(self, room: int) -> Scene:
        """Give the same with a stick of another size."""
        return replace(self, visit=replace(self.visit, room_bytes=lambda _: room))


def answer(*lines: bytes) -> bytes:
    """Frame what a school answers."""
    framed = [record_header(Kind.DOCUMENT, len(line)) + line for line in lines]
    return Way.FROM_SCHOOL.value + b"".join(framed) + record_header(Kind.END, 0)


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[[], Scene]:
    """Make a unit beside an empty stick; the school is one."""
    school = make_school(tmp_path / "school", now=NOW)

    def make() -> Scene:
        place = tmp_path / f"place-{len(list(tmp_path.iterdir()))}"
        unit = school.make_unit(place / "unit")
        said = EpochsHeld(device=unit.device, counter=1, at=NOW - timedelta(days=1), held=())
        (unit.data / "recorder").mkdir(exist_ok=True)
        (unit.data / "recorder" / "epochs").write_bytes(issue_epochs_held(said, unit.recorder))
        (unit.data / "spool").mkdir(exist_ok=True)
        stick = place / "stick"
        stick.mkdir()
        visit = Visit(
            config=load_config(unit.config),
            root=stick,
            clock=ManualClock(),
            card=REAL,
            stick=REAL,
            room_bytes=lambda _: ROOM,
        )
        return Scene(school, unit, visit)

    return make


@pytest.fixture
def scene(make_scene: Callable[[], Scene]) -> Scene:
    """A unit beside an empty stick."""
    return make_scene()
