"""The units' door as a process that is killed: the controller's own code, with a door to the disk that keeps a diary.

The diary says how long each part file was when it was last synchronised. After a kill, whoever plays a power cut takes
from each file what came later, or makes zeros of it: what then is missing of an acknowledged offset was never durable.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import sys
import traceback
from pathlib import Path

from flask import Flask

from controller import wiring
from controller.config import load_config
from controller.server import serve, units_listener
from controller.uploads import views
from controller.uploads.partial import PartialFiles

DIARY = "synchronised"
ENTRY = struct.Struct("<QQ")


class DiaryFiles(PartialFiles):
    """Synchronises, and then writes down how long the file was before."""

    def __init__(self, diary: Path) -> None:
        self._diary = os.open(diary, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def sync(self, descriptor: int) -> None:
        """Synchronise and note."""
        status = os.fstat(descriptor)
        super().sync(descriptor)
        os.write(self._diary, ENTRY.pack(status.st_ino, status.st_size))


class LyingFiles(PartialFiles):
    """Says that it synchronised, and did not: the storm must find that out."""

    def sync(self, descriptor: int) -> None:
        """Do nothing."""


class StormServer:
    """The process; `start` returns when it serves. Whoever starts it has no threads."""

    def __init__(self, folder: Path, *, lying: bool) -> None:
        self._config = folder / "controller.toml"
        self._diary = folder / DIARY
        self._log = folder / "storm-server.log"
        self._lying = lying
        self._pid = 0

    def start(self) -> None:
        """Start the process and wait until it serves."""
        told, tells = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(told)
            self._serve(tells)
        os.close(tells)
        with os.fdopen(told, "rb") as ready:
            if ready.read(1) != b"R":
                raise RuntimeError(f"the server did not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End the process at whatever instruction it is."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def cut_power(self, chance: random.Random) -> int:
        """Take from the part files of a killed process what was never synchronised; tell how many bytes."""
        durable = dict(ENTRY.iter_unpack(self._diary.read_bytes())) if self._diary.exists() else {}
        lost = 0
        for path in (load_config(self._config).controller.data / "incoming").glob("*.part"):
            status = path.stat()
            keep = min(durable.get(status.st_ino, 0), status.st_size)
            lost += status.st_size - keep
            with path.open("r+b") as file:
                file.truncate(keep if chance.random() < 0.7 else chance.randint(keep, status.st_size))
        return lost

    def _serve(self, tells: int) -> None:
        try:
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            services = wiring.make_services(load_config(self._config))
            app = Flask("controller")
            views.register(app, services, LyingFiles() if self._lying else DiaryFiles(self._diary))
            app.extensions["backrow-arrivals"].finish_whole()
            listener = units_listener(app, services.config)
            serve({"units": listener}, lambda: os.write(tells, b"R"), self._config)
        finally:
            if sys.exc_info()[1]:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
