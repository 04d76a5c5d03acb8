"""A school, a unit with a spool, a small controller on loopback, and an uploader in a world that only waits to move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.config import load_config
from device.identity.tls import tls_files
from device.uploads.client import Client, ClientSettings
from device.uploads.plan import UploadRecord
from device.uploads.records import Records
from device.uploads.service import Uploader, make_uploader
from protocol.documents import Receipt, verify_document
from tests.fakes.ingest import Ingest, IngestServer
from tests.fakes.spooled import Spooled
from tests.fakes.world import FakeWorld
from tests.school import School, UnitBundle, make_school

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
MOST_TURNS = 400
UPLOAD = {"chunk_bytes": 4096, "retry_min_s": 1.0, "look_every_s": 300.0}


@dataclass
class Night:
    """Everything that one upload test plays with."""

    school: School
    unit: UnitBundle
    world: FakeWorld
    ingest: Ingest
    server: IngestServer
    client: Client
    uploader: Uploader

    def lease(
        self, *, fence: int = 1, rate_bps: int = 1_000_000_000, lasts: timedelta = timedelta(hours=1), version: int = 0
    ) -> bytes:
        """Sign a lease that begins now."""
        return self.school.issue_lease(
            self.unit.device,
            fence=fence,
            rate_bps=rate_bps,
            not_before=self.world.now_at,
            lasts=lasts,
            version=version or fence,
        )

    def grant(self, line: bytes | None = None) -> None:
        """Put a lease into the unit's state, as the agent does."""
        self.unit.put_state("lease", line or self.lease())

    def is_delivered(self, spooled: Spooled) -> bool:
        """Tell whether the unit holds a receipt for every byte of a recording."""
        path = self.unit.data / "state" / "receipts" / spooled.recording
        if not path.exists():
            return False
        receipt = verify_document(Receipt, path.read_bytes(), self.school.trust)
        return {item.index for item in receipt.items} == set(spooled.objects)

    def held(self, spooled: Spooled) -> dict[int, bytes]:
        """Give what the controller holds of a recording."""
        return {index: data for (name, index), data in self.ingest.held.items() if name == spooled.recording}

    def deliver(self, *recordings: Spooled) -> None:
        """Turn until all of these are delivered, and check every byte."""
        self.settle(lambda: all(self.is_delivered(one) for one in recordings))
        for one in recordings:
            assert self.held(one) == one.objects

    def turn(self) -> float:
        """Take one turn of the loop and let the time pass that it asks for."""
        delay_s = self.uploader.turn()
        self.world.advance(delay_s)
        return delay_s

    def run(self, turns: int = MOST_TURNS) -> int:
        """Turn until there is nothing to do at the moment; give how many turns that took."""
        for number in range(turns):
            if self.turn() > 0:
                return number
        raise AssertionError(f"the uploader was still busy after {turns} turns")

    def settle(self, done: Callable[[], bool], turns: int = MOST_TURNS) -> None:
        """Turn until `done()` says yes."""
        for _ in range(turns):
            if done():
                return
            self.turn()
        raise AssertionError(f"did not settle within {turns} turns; asked: {self.ingest.asked[-6:]}")

    def restart(self) -> None:
        """Begin anew from the disk alone, as after `kill -9`."""
        self.uploader = make_uploader(
            load_config(self.unit.config), self.client, world=self.world.world, stop=self.world
        )

    def record(self, recording: str) -> UploadRecord:
        """Give what the uploader remembers."""
        return Records(self.unit.data / "uploads").load(recording)


@contextmanager
def make_night(folder: Path, now: datetime = NOW, **upload: float) -> Iterator[Night]:
    """A unit at the beginning of a night, with these settings of `[upload]`, and the controller that waits for it."""
    school = make_school(folder / "school", now=now)
    world = FakeWorld(now)
    unit = school.make_unit(folder / "unit", tables={"upload": {**UPLOAD, **upload}})
    ingest = Ingest(school, unit.recorder.verifying, lambda: world.now_at)
    with IngestServer(ingest) as server:
        tls = tls_files(load_config(unit.config))
        settings = ClientSettings(url=server.url, tls=tls, connect_timeout_s=5, read_timeout_s=10)
        client = Client(settings)
        uploader = make_uploader(load_config(unit.config), client, world=world.world, stop=world)
        yield Night(school, unit, world, ingest, server, client, uploader)
        client.close()


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """A unit at the beginning of a night, and the controller that waits for it."""
    with make_night(tmp_path) as made:
        yield made
