"""A school and a unit without a network: a real unit's folders on one side, a real controller on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controller.cli import group
from controller.devices.services import NewDevice
from controller.stick.service import Outcome, find_exports, take_in, visiting
from device.config import load_config
from device.stick.sync import Visit, sync
from protocol.documents import Receipt
from protocol.durable import REAL, Files
from protocol.keyfiles import load_signing_key
from protocol.stick import MIB
from protocol.stick_folder import StickFolder
from tests.fakes.clock import ManualClock
from tests.house import House, Teacher, house
from tests.joined import add_device
from tests.lesson import BEGAN_AT, Lesson
from tests.unit.controller.uploads.unit_client import made_up_segment

__all__ = ["house"]
ROOM = 82 * MIB
"""Of which 64 stay free: such a stick is filled with 17 MiB."""
SMALL = (9_000, 4_000)


@dataclass
class Carried:
    """A unit that has joined and lost its network, the stick, and the school."""

    house: House
    teacher: Teacher
    unit: Path
    visit: Visit
    lessons: list[Lesson] = field(default_factory=list)

    @property
    def folder(self) -> StickFolder:
        """Give what the unit has on the stick."""
        return self.visit.folder

    def record(self, sizes: Sequence[int] = SMALL, torn: frozenset[int] = frozenset()) -> Lesson:
        """Let the unit record a lesson, an hour after the one before, which waits in its spool then."""
        at = BEGAN_AT + timedelta(hours=len(self.lessons))
        segments = [made_up_segment(size) for size in sizes]
        lesson = self.house.make_lesson(self.teacher, segments, torn=torn, began_at=at)
        self.spool(lesson, lesson.manifest)
        self.lessons.append(lesson)
        return lesson

    def spool(self, lesson: Lesson, manifest: bytes) -> None:
        """Lay a lesson into the unit's spool."""
        folder = self.unit / "data" / "spool" / lesson.id
        folder.mkdir(mode=0o750, parents=True)
        for index, data in lesson.objects.items():
            (folder / (f"{index:06d}.age" if index else "key.age")).write_bytes(data)
        (folder / "manifest").write_bytes(manifest)

    def write(self) -> None:
        """Plug the stick in at the unit."""
        sync(self.visit)

    def bring(self, stick: Files = REAL) -> Outcome:
        """Bring the stick to the school."""
        services = self.house.services
        with visiting(services) as incoming:
            (outcome,) = (take_in(services, incoming, one, stick) for one in find_exports(self.visit.root))
        return outcome

    def receipt(self, lesson: Lesson) -> Receipt | None:
        """Give the receipt of a lesson that the unit holds."""
        receipt: Receipt | None = self.visit.store().load_receipt(lesson.id, self.house.services.clock()).document
        return receipt

    def is_held(self, lesson: Lesson) -> bool:
        """Tell whether the school holds all of a lesson, byte for byte, and its key."""
        services = self.house.services
        try:
            for index, data in lesson.objects.items():
                if index:
                    with services.objects.open(lesson.id, index) as file:
                        assert file.read() == data
            return services.key_store.get(lesson.id) == lesson.identity
        except FileNotFoundError:
            return False

    def is_clean(self) -> bool:
        """Tell whether nothing half-written is left at the school."""
        return not any((self.house.services.config.controller.data / "stick").iterdir())

    def run(self, *arguments: str) -> Result:
        """Give a command of `backrow controller stick`."""
        core, config = self.house.services.config.controller, self.unit / "controller.toml"
        config.write_text(
            f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n', "utf-8"
        )
        return CliRunner().invoke(group, ["stick", arguments[0], "--config", str(config), *arguments[1:]])


@pytest.fixture
def make_carried(house: House, tmp_path: Path) -> Callable[..., Carried]:
    """Let a unit join, and give it an empty stick, or another's."""

    def make(room: str = "Room 12", name: str = "Ada Moreno", stick: Path | None = None) -> Carried:
        person = house.add_teacher(name, f"{room} before")
        out = tmp_path / room.replace(" ", "-")
        row = add_device(house.services, NewDevice(label=room, owner=person.id, settings={}), out)
        recorder = load_signing_key(out / "data" / "identity" / "recorder.key")
        (out / "data" / "spool").mkdir()
        root = stick or tmp_path / f"stick-of-{out.name}"
        root.mkdir(exist_ok=True)
        visit = Visit(
            config=load_config(out / "device.toml"),
            root=root,
            clock=ManualClock(),
            card=REAL,
            stick=REAL,
            room_bytes=lambda _: ROOM,
        )
        return Carried(house, replace(person, device=row.id, recorder=recorder), out, visit)

    return make


@pytest.fixture
def carried(make_carried: Callable[..., Carried]) -> Carried:
    """A unit in Room 12, and an empty stick."""
    return make_carried()
