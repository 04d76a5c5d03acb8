"""Runs the demo as a person would, as a process of its own, and watches what it leaves on the disk while it works.

Everything that its processes write lies in one folder: home and temporary files too. While a run lasts, a watcher
looks for plaintext again and again, and keeps copies of what lies in the unit's spool before it is released.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LOOK_EVERY_S = 0.3
MARK = "BACKROW_TEST_RUN"
MEDIA = re.compile(rb"ftypiso|moof\x00\x00\x00\x10mfhd|\x00[\s\S]{3}(?:mdat|moov\x00\x00\x00)")
"""What every recording has in the clear, with so much around it that sealed bytes do not hold it by chance."""


@dataclass
class Run:
    """One run of the demo: its folder, and what the watcher saw."""

    folder: Path
    canaries: tuple[bytes, ...] = ()
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    seen: set[str] = field(default_factory=set)
    looks: int = 0
    known: dict[Path, tuple[int, int]] = field(default_factory=dict)

    @property
    def school(self) -> Path:
        """What the demo keeps."""
        return self.folder / "kept"

    @property
    def spooled(self) -> Path:
        """Copies of what lay in the unit's spool."""
        return self.folder / "spooled"

    def start(self, *options: str | Path) -> subprocess.Popen[str]:
        """Start the demo with these options; what it prints comes through the process's pipe."""
        for name in ("home", "temporary"):
            (self.folder / name).mkdir(parents=True)
        places = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "temporary"), MARK: self.mark}
        command = [
            sys.executable,
            "-m",
            "provisioning",
            "demo",
            "--once",
            "--keep",
            str(self.school),
            *map(str, options),
        ]
        return subprocess.Popen(
            command, env=os.environ | places, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def finish(self, *options: str | Path) -> tuple[int, str]:
        """Run the demo to its end under the watcher; give its exit status and what it printed."""
        process, over = self.start(*options), threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,), name="watcher")
        watcher.start()
        try:
            printed, _ = process.communicate(timeout=150)
        finally:
            over.set()
            watcher.join()
            if process.poll() is None:
                process.kill()
                process.wait()
        self.look()
        return process.returncode, printed

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look through everything that was written so far."""
        self.looks += 1
        self._copy_spool()
        for path in _files_below(self.folder):
            if path.is_relative_to(self.spooled) or not self._is_new(path):
                continue
            self.seen.update(f"{path.relative_to(self.folder)}: {found!r}" for found in self.find_in(_read(path)))

    def _is_new(self, path: Path) -> bool:
        """Whether a file has changed since the last look; one that is gone has not."""
        with suppress(FileNotFoundError):
            facts = path.stat()
            before = self.known.get(path)
            self.known[path] = (facts.st_size, facts.st_mtime_ns)
            return self.known[path] != before
        return False

    def find_in(self, data: bytes) -> list[bytes]:
        """Give what of a recording stands in these bytes in the clear."""
        return [match.group()[:20] for match in MEDIA.finditer(data)] + [one for one in self.canaries if one in data]

    def _copy_spool(self) -> None:
        for path in _files_below(self.school / "unit" / "data" / "spool"):
            copy = self.spooled / path.relative_to(self.school / "unit" / "data" / "spool")
            data = _read(path)
            if data and (not copy.exists() or copy.stat().st_size < len(data)):
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(data)

    def processes(self) -> list[psutil.Process]:
        """Give the processes that still run of this run, whoever their parent is by now."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def _files_below(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        for name in names:
            if not os.path.islink(os.path.join(path, name)) and os.path.isfile(os.path.join(path, name)):
                yield Path(path, name)


def _read(path: Path) -> bytes:
    """Files come and go while the demo runs."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
