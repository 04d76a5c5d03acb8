"""What a unit takes of the school's answer: what the school signed for it, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner

from device.cli import group
from device.stick.answer import take_answer
from device.stick.sync import sync, take
from protocol.documents import Policy, Receipt
from protocol.durable import REAL
from protocol.envelope import seal
from protocol.stick import Kind
from tests.fakes.spooled import spool_recording
from tests.unit.device.stick.conftest import NOW, Scene, answer


def lay(scene: Scene, *lines: bytes) -> None:
    """Lay an answer onto the stick, sealed to the unit."""
    scene.visit.folder.make(REAL)
    sealed = seal(answer(*lines), [scene.visit.identity().recipient])
    scene.visit.folder.answer.write_bytes(sealed)


def test_receipts_and_documents_are_kept_as_if_fetched(scene: Scene) -> None:
    """A newer policy and a receipt lie in state/, and the next export leaves out what the receipt covers."""
    spooled = spool_recording(scene.unit, began_at=NOW)
    policy = scene.school.issue_policy(scene.unit.device, version=7)
    receipt = scene.school.issue_receipt(spooled.manifest)
    lay(scene, scene.school.keyring, policy, receipt)
    taken, exported = sync(scene.visit)
    assert taken.found
    assert not taken.problem
    assert exported.everything
    assert (scene.unit.data / "state" / "policy").read_bytes() == policy
    held = scene.visit.store().load_receipt(spooled.recording, NOW).document
    assert isinstance(held, Receipt)
    assert [one for one in scene.records() if one[0] is Kind.MANIFEST] == []


def test_no_answer_is_no_problem(scene: Scene) -> None:
    """A stick that comes for the first time."""
    assert not take(scene.visit).found


def test_answer_for_another_unit_is_not_opened(make_scene: Callable[[], Scene]) -> None:
    """Each unit has a key of its own."""
    mine, other = make_scene(), make_scene()
    lay(other, mine.school.keyring)
    mine.visit.folder.make(REAL)
    mine.visit.folder.answer.write_bytes(other.visit.folder.answer.read_bytes())
    assert "not for this unit" in take(mine.visit).problem


def test_lines_of_others_are_refused_one_by_one(make_scene: Callable[[], Scene]) -> None:
    """Another unit's policy, a line that nobody signed and one of no known kind leave the state as it was."""
    scene, other = make_scene(), make_scene()
    before = (scene.unit.data / "state" / "policy").read_bytes()
    newest = scene.school.issue_policy(scene.unit.device, version=9)
    forged = newest.replace(b'"version":9', b'"version":10')
    foreign = scene.school.issue_policy(other.unit.device, version=11)
    lay(scene, forged, foreign, b"nonsense\n", b"{} 0123456789abcdef x\n")
    assert not take(scene.visit).problem
    assert (scene.unit.data / "state" / "policy").read_bytes() == before
    lay(scene, forged, newest)
    take(scene.visit)
    assert scene.visit.store().load(Policy, NOW).line == newest


def test_older_answer_takes_nothing_back(scene: Scene) -> None:
    """A stick that lay in a drawer brings what is known already."""
    newer, older = (scene.school.issue_policy(scene.unit.device, version=version) for version in (8, 5))
    lay(scene, newer)
    take(scene.visit)
    lay(scene, older)
    take(scene.visit)
    assert (scene.unit.data / "state" / "policy").read_bytes() == newer


def test_flips_and_cuts_never_bring_what_was_not_signed(scene: Scene) -> None:
    """Two thousand damaged answers: each is told as damaged, and what is held is one of the school's own lines."""
    lines = [scene.school.issue_policy(scene.unit.device, version=version) for version in (2, 3)]
    lay(scene, *lines)
    whole, chance = scene.visit.folder.answer.read_bytes(), random.Random(11)  # noqa: S311 repeatable is wanted
    identity, store = scene.visit.identity(), scene.visit.store()
    for _ in range(2000):
        damaged = bytearray(whole)
        if chance.random() < 0.3:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        scene.visit.folder.answer.write_bytes(damaged)
        assert take_answer(scene.visit.folder, identity, store).problem
    assert (scene.unit.data / "state" / "policy").read_bytes() not in lines


def test_answer_that_is_no_file_is_told(scene: Scene) -> None:
    """A folder, a link, or something longer than any answer."""
    scene.visit.folder.make(REAL)
    scene.visit.folder.answer.mkdir()
    assert "cannot be read" in take(scene.visit).problem
    scene.visit.folder.answer.rmdir()
    scene.visit.folder.answer.symlink_to("/etc/passwd")
    assert "cannot be read" in take(scene.visit).problem
    scene.visit.folder.answer.unlink()
    with scene.visit.folder.answer.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    assert "longer than 256 MiB" in take(scene.visit).problem


def test_key_of_answers_is_made_once(scene: Scene) -> None:
    """And anew where it was lost: the answer to the export before is told as one for an older key."""
    assert scene.visit.identity() == scene.visit.identity()
    lay(scene, scene.school.keyring)
    (scene.unit.data / "uploads" / "stick.key").unlink()
    assert "older key" in take(scene.visit).problem


@pytest.mark.parametrize("verb", ["take"])
def test_command_says_how_it_went(scene: Scene, verb: str) -> None:
    """In words, with a status, and without a recording's name."""
    spooled = spool_recording(scene.unit, began_at=NOW - timedelta(hours=1))
    lay(scene, scene.school.issue_receipt(spooled.manifest))
    command = ["stick", verb, "--config", str(scene.unit.config), str(scene.visit.root)]
    ran = CliRunner().invoke(group, command)
    assert (ran.exit_code, ran.output) == (0, "The school's answer was taken.\n")
    scene.visit.folder.answer.write_bytes(b"damaged")
    ran = CliRunner().invoke(group, command)
    assert ran.exit_code == 1
    assert "bring the stick to the school's server again" in ran.output
    assert spooled.recording not in ran.output
