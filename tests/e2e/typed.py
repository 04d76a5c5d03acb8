"""Commands of a runbook as they stand on its page, typed in a shell: only places and names are put in.

A command is a line of an indented block or stands in backquotes in the text, also over a line's end. One that the page
does not hold exactly so is a fault of the test or of the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
INDENTED = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
QUOTED = re.compile(r"(?<!`)`([^`]+)`(?!`)")
PATIENCE_S = 120


@dataclass(frozen=True)
class Runbook:
    """One page; `places` says what stands here for the page's paths and names, `folder` is where the shell is."""

    name: str
    places: Mapping[str, str]
    folder: Path

    def command(self, beginning: str) -> str:
        """Give the one command of the page that begins so, with this test's places in it."""
        text = (RUNBOOKS / f"{self.name}.md").read_text("utf-8")
        standing = [*INDENTED.findall(text), *(" ".join(found.split()) for found in QUOTED.findall(text))]
        fitting = {found for found in standing if found.startswith(beginning)}
        assert len(fitting) == 1, f"{self.name}.md: expected one command {beginning!r}, got {fitting}"
        (command,) = fitting
        for place, here in self.places.items():
            command = command.replace(place, here)
        return command

    def try_out(self, beginning: str) -> subprocess.CompletedProcess[str]:
        """Type a command of the page, and give how it ended."""
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", "-uc", self.command(beginning)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def type(self, beginning: str) -> str:
        """Type a command of the page that must succeed, and give what it shows."""
        done = self.try_out(beginning)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
