"""The Makefile: what it hands on to `backrow demo`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The real Makefile, with an environment that is there already and a `backrow` that says how it was called."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name, text in (("provisioning/environment", "#!/bin/sh\n"), (".venv/bin/backrow", STAND_IN)):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def make_demo(project: Path, *words: str, **environment: str) -> list[str]:
    """Call `make demo` and give what `backrow` was called with; a `make` that started this test is kept out of it."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "demo", *words]
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=True, env=around | {"MFLAGS": ""} | environment
    )
    return list(json.loads(done.stdout))


@pytest.mark.parametrize(
    "name", ["my lesson.mp4", 'the "big" one.mp4', "a$(id).mp4", "$HOME $$.mp4", "`id`'s.mp4", "a\\b#c;d.mp4"]
)
def test_demo_takes_any_name_of_a_file(project: Path, name: str) -> None:
    """Neither make nor the shell reads anything into a name, from the command line or from the environment."""
    assert make_demo(project, f"INPUT={name}") == ["demo", "--input", name]
    assert make_demo(project, INPUT=name) == ["demo", "--input", name]


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ([], []),
        (["INPUT="], []),
        (["ONCE=1"], ["--once"]),
        (["ONCE=0", "HANDS_ON=0"], []),
        (["ONCE=", "HANDS_ON=1"], ["--hands-on"]),
    ],
)
def test_demo_takes_zero_and_nothing_for_no(project: Path, words: list[str], called: list[str]) -> None:
    """What is switched off by 0 is off."""
    assert make_demo(project, *words) == ["demo", *called]
