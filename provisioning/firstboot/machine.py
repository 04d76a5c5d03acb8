"""The door of first boot to the machine that it runs on: commands, files, the lamp. It decides nothing.

Every change goes through one of the methods below, so that a test can cut the power before and after each of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from protocol.durable import replace_file

BACKROW = "/opt/backrow/bin/backrow"
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


class StepFailed(Exception):
    """A step could not be done: what was tried, what was said, and what to do."""


class Machine:
    """A machine, or for a test a folder that stands for one (`root`)."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._lamp: subprocess.Popen[bytes] | None = None

    def at(self, path: str) -> Path:
        """Give where an absolute path of the unit really lies."""
        return self._root / path.lstrip("/")

    # what is asked

    def exists(self, path: str) -> bool:
        """Tell whether something stands at `path`."""
        return self.at(path).exists()

    def names(self, folder: str) -> list[str]:
        """List what lies in a folder; nothing when there is none."""
        return sorted(each.name for each in self.at(folder).iterdir()) if self.at(folder).is_dir() else []

    def read(self, path: str) -> str:
        """Read a small text; empty when there is none."""
        return self.at(path).read_text("utf-8") if self.at(path).is_file() else ""

    def find(self, pattern: str) -> str:
        """Give the one path that fits a pattern; raises `StepFailed`."""
        found = sorted(self._root.glob(pattern.lstrip("/")))
        if len(found) != 1:
            raise StepFailed(f"expected one {pattern}, found {len(found)}: is the card's preparation whole?")
        return f"/{found[0].relative_to(self._root)}"

    def boot_id(self) -> str:
        """Name this boot."""
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()

    def ask(self, *command: str) -> str:
        """Run a command that changes nothing, and give what it said; empty when it failed."""
        done = self._run(command)
        return done.stdout.strip() if done.returncode == 0 else ""

    # what is changed

    def run(self, *command: str, given: str = "") -> str:
        """Run a command; raises `StepFailed` with what it said."""
        done = self._run(command, given)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-1200:]
            raise StepFailed(f"{' '.join(command)}: exit status {done.returncode}\n{said}")
        return done.stdout.strip()

    def follow(self, *command: str) -> None:
        """Run a command that may take hours, and pass on each line that it says; raises `StepFailed` with the last."""
        said = ""
        with self._start(command) as process:
            for line in process.stdout or ():
                said = line.strip() or said
                self.say(f"  {said}")
        if process.returncode:
            raise StepFailed(f"{' '.join(command)}: exit status {process.returncode}\n{said}")

    def _start(self, command: tuple[str, ...]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def write(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        """Put a file in place, durably: the old one or the new one, never half of it."""
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, data.encode() if isinstance(data, str) else data, mode=mode)
        if target.stat().st_mode & 0o777 != mode:
            target.chmod(mode)

    def copy(self, source: str, target: str, mode: int = 0o644) -> None:
        """Copy a file, or every file of a folder."""
        start = self.at(source)
        for file in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if file.is_file():
                inside = file.relative_to(start)
                self.write(str(Path(target) / inside), file.read_bytes(), mode)

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        """Make a folder; one that stands there is no error."""
        self.at(path).mkdir(mode=mode, parents=True, exist_ok=True)

    def link(self, path: str, target: str) -> None:
        """Make `path` a symbolic link to `target`, whatever stood there."""
        draft = self.at(f"{path}.new")
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(self.at(path))

    def shred(self, path: str) -> None:
        """Overwrite a file and remove it; none there is no error.

        On a card the overwritten bytes may survive in a block that only a laboratory reads: what is shredded is of no
        use any more by then, or the unit keeps it anyway.
        """
        if not self.at(path).is_file():
            return
        with self.at(path).open("r+b") as file:
            file.write(bytes(self.at(path).stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        self.at(path).unlink()

    def remove(self, path: str) -> None:
        """Remove a file, a link or a whole folder; none there is no error."""
        target = self.at(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def settle(self) -> None:
        """Return when everything that was written is on the card."""
        os.sync()

    # what people see

    def say(self, words: str) -> None:
        """Say something in the log and on a screen, if there is one."""
        print(words, file=sys.stderr, flush=True)

    def shine(self, pattern: str) -> None:
        """Show a pattern at the lamp until another is shown or `darken` is called."""
        self.darken()
        command = [BACKROW, "device", "shine", pattern]
        self._lamp = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # it says itself what is wrong with the lamp

    def darken(self) -> None:
        """Let go of the lamp."""
        if self._lamp is not None:
            self._lamp.terminate()
            self._lamp.wait()
            self._lamp = None

    def _run(self, command: tuple[str, ...], given: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **QUIET}
        try:
            return subprocess.run(
                command, input=given, capture_output=True, text=True, check=False, env=environment, cwd="/"
            )
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror}")
