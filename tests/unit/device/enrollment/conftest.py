"""A unit as it comes out of its bundle, the school that waits for it at two listeners, and time that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.config import DeviceConfig, load_config
from device.enrollment.checking import Chain
from device.enrollment.command import Wishes, Workshop, enroll
from device.enrollment.store import EnrollmentStore, places_of
from protocol.durable import REAL, Files
from protocol.enrollment import spell_secret
from protocol.pki import Credential
from tests.fakes.enrolling import EnrollingServer, Registry, server_credential
from tests.fakes.world import FakeWorld
from tests.school import School, UnitBundle, make_school

SECRET = spell_secret(bytes(range(16)))
MADE_AT_HOME = ("identity/tls.key", "identity/recorder.key", "identity/recorder.pub", "certificate/tls.pem")
DOCUMENTS = ("keyring", "recipients", "policy")


@dataclass
class Room:
    """One unit, the registry that knows it, and what the unit said."""

    school: School
    unit: UnitBundle
    registry: Registry
    world: FakeWorld
    config: DeviceConfig
    secret: Path
    said: list[str] = field(default_factory=list)
    clock_is_trusted: bool = True

    def shop(self, files: Files = REAL) -> Workshop:
        """Give the unit its time and its disk."""
        return Workshop(
            world=self.world.world, is_clock_trusted=lambda: self.clock_is_trusted, say=self.said.append, files=files
        )

    def enroll(self, files: Files = REAL, *, new_key: bool = False, patience_s: float | None = 600.0) -> bool:
        """Run the command."""
        wishes = Wishes(new_key=new_key, patience_s=patience_s)
        return enroll(self.config, wishes, self.world, self.shop(files), self.secret)

    def store(self, files: Files = REAL) -> EnrollmentStore:
        """Give the unit's files."""
        return EnrollmentStore(places_of(self.config, self.secret), self.unit.device, files)

    def chain(self) -> Chain:
        """Give the certificate that lies on the unit, and its issuers."""
        return self.store().certificate()

    def move_to(self, folder: Path) -> Room:
        """Give the same room with the unit's files in a copy."""
        config = replace(self.config, device=replace(self.config.device, data=folder / "data"))
        return replace(self, config=config, secret=folder / "secret", said=[])


def strip(unit: UnitBundle) -> None:
    """Leave of a unit what its bundle has: the roots, and no key."""
    for name in (*MADE_AT_HOME, *(f"state/{kind}" for kind in DOCUMENTS)):
        (unit.data / name).unlink()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    now = datetime.now(UTC).replace(microsecond=0)
    world = FakeWorld(now)
    school = make_school(tmp_path / "school", now=now)
    unit = school.make_unit(tmp_path / "unit")
    known = Registry(root=school.root_authority, issuing=school.authority, device=unit.device, now=lambda: world.now_at)
    known.documents = b"".join((unit.data / "state" / kind).read_bytes() for kind in DOCUMENTS)
    known.secret = SECRET
    strip(unit)
    secret = unit.folder / "secret"
    secret.write_text(f"{SECRET}\n", "ascii")
    with open_listeners(known, tmp_path / "server", server_credential(known)) as (people, units):
        loaded = load_config(unit.config)
        config = replace(
            loaded,
            controller=replace(loaded.controller, url=units.url),
            enrollment=replace(loaded.enrollment, url=people.url),
        )
        yield Room(school=school, unit=unit, registry=known, world=world, config=config, secret=secret)


class open_listeners:  # noqa: N801 used as a function is
    """Both listeners, for the length of a `with`."""

    def __init__(self, registry: Registry, folder: Path, server: Credential) -> None:
        self._people = EnrollingServer(registry, folder, server=server, wants_certificate=False)
        self._units = EnrollingServer(registry, folder, server=server, wants_certificate=True)

    def __enter__(self) -> tuple[EnrollingServer, EnrollingServer]:
        return self._people.__enter__(), self._units.__enter__()

    def __exit__(self, *_error: object) -> None:
        self._units.__exit__(None, None, None)
        self._people.__exit__(None, None, None)


DAY = timedelta(days=1)
