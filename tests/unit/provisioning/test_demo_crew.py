"""The demo's processes: watched while it runs, gone when it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from provisioning.demo.crew import Crew, run
from provisioning.demo.errors import DemoError


def python(code: str) -> list[str]:
    """Give a process that runs some Python."""
    return [sys.executable, "-c", code]


def test_crew_leaves_no_process(tmp_path: Path) -> None:
    """Leaving the crew ends everything that it started, also when the demo fails."""
    children: list[psutil.Process] = []

    def fail() -> None:
        with Crew(tmp_path) as crew:
            crew.start("sleeper", python("import time; time.sleep(600)"))
            children.extend(map(psutil.Process, crew.pids()))
            raise RuntimeError("the demo failed")

    with pytest.raises(RuntimeError):
        fail()
    assert [child.is_running() for child in children] == [False]


def test_crew_says_which_process_ended_and_its_last_words(tmp_path: Path) -> None:
    """A process that ends unasked ends the demo with the end of its log."""
    with Crew(tmp_path) as crew:
        crew.start("singer", python("import sys; print('la'); sys.exit(3)"))
        with pytest.raises(DemoError, match=r"(?s)'singer' ended with status 3.*la"):
            crew.wait_for("a song", lambda: False, seconds=30)


def test_crew_gives_up_waiting(tmp_path: Path) -> None:
    """A wait in vain names what was waited for."""
    with Crew(tmp_path) as crew, pytest.raises(DemoError, match="for rain in vain"):
        crew.wait_for("rain", lambda: False, seconds=0.2)


def test_run_gives_the_words_of_a_command_that_fails(tmp_path: Path) -> None:
    """A command of ours that fails ends the demo with what it said."""
    with pytest.raises(DemoError, match=r"(?s)`backrow nonsense` ended with status 2.*nonsense"):
        run("nonsense", cwd=tmp_path)
