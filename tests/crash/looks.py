"""Kills the look at claims and deletions with SIGKILL at a chosen point, in a process of its own.

Points are before and after each statement, before each commit, and before and after each change of a file.
"""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import event

from controller import wiring
from controller.claims.keeping import keep_claims
from controller.config import Config
from controller.jobs.service import destroy_due
from controller.recordings.keystore import KeyStore
from controller.recordings.manifests import Manifests
from controller.recordings.store import FolderStore
from controller.services import Services
from protocol.durable import REAL, Files
from tests.crash.ticks import Point
from tests.house import House, TestClock

_PROCESSES = multiprocessing.get_context("forkserver")  # it has one thread; a fork of ours copies others' held locks
_PROCESSES.set_forkserver_preload([__name__])


class CountedFiles(Files):
    """The real disk, with a point before and after each change that a destruction makes."""

    def __init__(self, point: Point) -> None:
        self._point = point

    def unlink(self, path: Path) -> None:
        """See `Files.unlink`."""
        self._point.pass_by()
        super().unlink(path)
        self._point.pass_by()

    def remove_folder(self, path: Path) -> None:
        """See `Files.remove_folder`."""
        self._point.pass_by()
        super().remove_folder(path)
        self._point.pass_by()


def reopen(house: House, folder: Path, now: datetime) -> House:
    """Give the controller on a copy of its data and keys, or on the one that lies there, at an instant."""
    clock = TestClock(now)
    return replace(house, services=_services_on(house.services.config, folder, clock), clock=clock)


def look(services: Services) -> None:
    """Do what the jobs do in a minute, as far as it is about claims."""
    keep_claims(services)
    destroy_due(services)


def look_killed(house: House, folder: Path, now: datetime, *, kill_at: int) -> int:
    """Look in a process of its own until point `kill_at`; give how many points there were, 0 when it was killed."""
    process = _PROCESSES.Process(target=_look_until_killed, args=(house.services.config, folder, now, kill_at))
    process.start()
    process.join()
    if process.exitcode == -signal.SIGKILL:
        return 0
    assert process.exitcode == 0, f"the look ended with {process.exitcode}; its words are above"
    return int((folder / "points").read_text())


def _look_until_killed(config: Config, folder: Path, now: datetime, kill_at: int) -> None:
    point = Point(kill_at)
    services = _services_on(config, folder, TestClock(now), CountedFiles(point))
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(services.database.engine, name, point.pass_by)
    look(services)
    (folder / "points").write_text(str(point.passed))


def _services_on(config: Config, folder: Path, clock: TestClock, files: Files = REAL) -> Services:
    if not folder.exists():
        shutil.copytree(config.controller.data, folder / "data")
        shutil.copytree(config.controller.key_store, folder / "key-store")
    core = replace(config.controller, data=folder / "data", key_store=folder / "key-store")
    made = wiring.make_services(replace(config, controller=core))
    objects = FolderStore(core.data, files)
    store = KeyStore(core.key_store, made.keys, files)
    return replace(made, objects=objects, key_store=store, manifests=Manifests(objects), clock=clock)
