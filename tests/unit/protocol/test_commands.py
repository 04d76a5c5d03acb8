"""What a unit can be asked to do, and that no word of it reaches a camera."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol.codec import CodecError
from protocol.commands import Command, Task
from protocol.documents import Purpose, Trust, issue_document, verify_document
from protocol.signing import SignatureError, SigningKey, sign_line, split_line
from protocol.topics import Down
from tests.school import School, make_school, new_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def command(device: str, task: Task = Task.IDENTIFY, *, not_before: datetime | None = None) -> Command:
    """Make a command that holds for an hour."""
    return Command(
        generation=1,
        version=1,
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        device=device,
        task=task,
        not_before=not_before,
    )


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """One school."""
    return make_school(tmp_path_factory.mktemp("school"), now=NOW)


def test_command_comes_back_from_its_line_as_it_was(school: School) -> None:
    """A signed line says exactly what was signed."""
    retirement = command(new_id(), Task.RETIRE, not_before=NOW + timedelta(minutes=5))
    for sent in (command(new_id()), retirement):
        assert verify_document(Command, issue_document(sent, school.policy_key), school.trust) == sent


def test_tasks_are_these_and_none_touches_a_camera() -> None:
    """P1: whoever adds a task meets this list; there is no topic either by which a recording could be begun."""
    assert {task.value for task in Task} == {"identify", "retire"}
    kinds = {"keyring", "recipients", "policy", "withdrawal", "settings", "schedule", "lease", "receipt", "command"}
    assert {kind.value for kind in Down} == kinds


def test_task_that_is_not_in_the_table_is_no_command(school: School) -> None:
    """Contents are strict: also the school's own key cannot order what this release does not know."""
    body = split_line(issue_document(command(new_id()), school.policy_key)).body
    forged = body.replace(b'"identify"', b'"record"')
    assert forged != body
    with pytest.raises(CodecError, match="task"):
        verify_document(Command, sign_line(forged, domain=Command.KIND, key=school.policy_key), school.trust)


@pytest.mark.parametrize("purpose", [each for each in Purpose if each not in (Purpose.POLICY, Purpose.ROOT)])
def test_command_is_believed_of_a_policy_key_alone(school: School, purpose: Purpose) -> None:
    """Neither lease, receipt nor settings key can order a unit about."""
    key: SigningKey = getattr(school, f"{purpose}_key")
    with pytest.raises(SignatureError):
        verify_document(Command, issue_document(command(new_id()), key), school.trust)


def test_command_of_another_school_is_refused(school: School) -> None:
    """A stranger's root is no root."""
    strangers = Trust(root=SigningKey.generate().verifying)
    with pytest.raises(SignatureError):
        verify_document(Command, issue_document(command(new_id()), school.policy_key), strangers)


@pytest.mark.parametrize(
    ("task", "not_before"),
    [(Task.RETIRE, None), (Task.IDENTIFY, NOW), (Task.RETIRE, NOW + timedelta(hours=1))],
)
def test_time_of_a_wipe_belongs_to_a_retirement_and_lies_before_its_end(
    task: Task, not_before: datetime | None
) -> None:
    """A retirement always says when the unit may wipe itself; nothing else does."""
    with pytest.raises(ValueError, match="not_before"):
        command(new_id(), task, not_before=not_before)
