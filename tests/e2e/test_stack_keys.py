"""The school's keys, epochs and the key of the store change while seven real processes run.

Nothing is restarted, no hand is at a unit, and no lesson is lost. One school is founded for the module, and its tests
run in their order: the first is of a unit that has recorded nothing yet.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.config import load_config
from controller.db import Database
from controller.epochs.models import EpochStatement
from controller.keys import load_school_keys
from protocol.documents import Keyring, Policy, Purpose, Recipients, peek_document
from protocol.epochs import EpochsHeld, peek_epochs_held
from protocol.keyfiles import load_signing_key
from protocol.signing import split_line
from tests.e2e import home
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage
from tests.unit.provisioning.keys.made import keys_command, recipients_of, trust_of

TOLD_S = 60.0
SAID_S = 150.0  # documents, and the statement with them, are fetched within the first minute


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=8_000_000)
    with Stack(place) as running:
        running.open()
        yield running


@pytest.fixture
def stack(founded: Stack) -> Stack:
    """The school at rest."""
    founded.restore()
    return founded


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


def change(stack: Stack, *words: str) -> Path:
    """Give a command on the school's keys; give their folder."""
    keys = stack.school.folder / "keys"
    result = keys_command(*words, "--keys", keys)
    assert result.exit_code == 0, result.output
    return keys


def held(stack: Stack, kind: str) -> bytes:
    """Give the document that the unit holds."""
    return (stack.school.unit / "data" / "state" / kind).read_bytes()


def test_unit_says_what_it_holds_before_it_has_recorded(stack: Stack) -> None:
    """The recorder's statement reaches the controller by itself and names the week in force, as after lessons."""
    stack.wait_told("the unit's statement", lambda: bool(said(stack)), within_s=SAID_S)
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


def test_keys_are_rotated_under_a_running_school(stack: Stack) -> None:
    """Policy key rotated and the old one retired, lease and receipt keys rotated, the CA replaced, epochs extended.

    The unit has keyring, recipients and a policy of the new key within a minute; the lesson that it records afterwards
    is leased, taken in, receipted and playable.
    """
    for purpose in ("policy", "lease", "receipt"):
        keys = change(stack, "rotate", purpose)
    change(stack, "rotate", "policy", "--retire-old")
    change(stack, "rotate", "ca")
    change(stack, "extend", "--weeks", "16")
    signs = load_signing_key(keys / "policy.key").verifying.key_id

    def is_told() -> bool:
        same = held(stack, Keyring.KIND) == (keys / Keyring.KIND).read_bytes()
        return same and split_line(held(stack, Policy.KIND)).key_id == signs

    stack.wait_told("the new keyring and a policy that its key signed", is_told, within_s=TOLD_S)
    stack.wait_told(
        "the new recipients",
        lambda: peek_document(Recipients, held(stack, Recipients.KIND)) == recipients_of(keys),
        within_s=TOLD_S,
    )
    assert [key.key_id for key in trust_of(keys).keys_for(Purpose.POLICY)] == [signs]
    stack.wait_lamp("ready")
    recording = stack.record(2.0)
    stack.wait_home(recording)
    home.check_home(stack, recording)
    assert stack.ended() == []
