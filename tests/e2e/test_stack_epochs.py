"""Epochs and the key of the store in a school whose seven processes run: nothing is restarted, no lesson is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from controller.config import load_config
from controller.db import Database
from controller.epochs.models import EpochStatement
from controller.keys import load_school_keys
from protocol.epochs import EpochsHeld, peek_epochs_held
from tests.e2e import home
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage

SAID_S = 150.0  # documents, and the statement with them, are fetched within the first minute


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=8_000_000)
    with Stack(place) as running:
        running.open()
        yield running


def said(stack: Stack) -> list[EpochsHeld]:
    """Read what units have said, out of the controller's database."""
    database = Database(load_config(stack.school.config).database_url)
    with database.reading() as session:
        found = [peek_epochs_held(row.line) for row in session.query(EpochStatement)]
    database.close()
    return found


def controller(stack: Stack, *words: str) -> str:
    """Run a command on the server; give what it printed."""
    command = [sys.executable, "-m", "provisioning", "controller", *words, "--config", str(stack.school.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_unit_says_what_it_holds_before_it_has_recorded(stack: Stack) -> None:
    """The recorder's statement reaches the controller by itself and names the week in force, as after lessons."""
    stack.wait("the unit's statement", lambda: bool(said(stack)), within_s=SAID_S)
    (statement,) = said(stack)
    keys = load_school_keys(load_config(stack.school.config).controller.keys)
    in_force = keys.recipients.epoch_at(statement.at)
    assert in_force is not None
    assert (statement.held, statement.unknown) == ((in_force.name,), False)


def test_store_key_is_changed_under_a_running_school(stack: Stack) -> None:
    """A lesson from before and one from after the rotation come home and play, from a server that goes on running."""
    stack.wait_lamp("ready")
    before = stack.record(2.0)
    stack.wait_home(before)
    folder = load_config(stack.school.config).controller.keys / "storage"
    old = {path.name for path in folder.glob("*.key")}
    controller(stack, "storage", "rotate", "--without-backup")
    assert not old & {path.name for path in folder.glob("*.key")}
    after = stack.record(2.0)
    stack.wait_home(after)
    for recording in (before, after):
        home.check_home(stack, recording)
    assert "Every entry of the key store opens." in controller(stack, "storage", "check")
    home.check_logs_name_none(stack, before, after)
    assert stack.ended() == []
