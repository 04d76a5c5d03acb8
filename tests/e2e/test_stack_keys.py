"""The school's keys change while seven real processes run: no restart, no hand at a unit, and no lesson is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.documents import Keyring, Policy, Purpose, Recipients, peek_document
from protocol.keyfiles import load_signing_key
from protocol.signing import split_line
from tests.e2e import home
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage
from tests.unit.provisioning.keys.made import keys_command, recipients_of, trust_of

TOLD_S = 60.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=8_000_000)
    with Stack(place) as running:
        running.open()
        yield running


def change(stack: Stack, *words: str) -> Path:
    """Give a command on the school's keys; give their folder."""
    keys = stack.school.folder / "keys"
    result = keys_command(*words, "--keys", keys)
    assert result.exit_code == 0, result.output
    return keys


def held(stack: Stack, kind: str) -> bytes:
    """Give the document that the unit holds."""
    return (stack.school.unit / "data" / "state" / kind).read_bytes()


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

    stack.wait("the new keyring and a policy that its key signed", is_told, within_s=TOLD_S)
    stack.wait(
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
