"""Another recorder's key: vouched for by the present one, never while a recording could lose the key that signed it."""

from __future__ import annotations

import pytest

from device.claims import CAMERA, PARTS, Claim
from device.enrollment.client import Refused
from device.enrollment.command import SuccessionRefused, replace_recorder_key
from device.uploads.client import LinkError
from protocol.enrollment import RECORDER_KEY_PATH
from tests.fakes.cutfiles import Cut, KilledFiles
from tests.school import new_id
from tests.unit.device.enrollment.conftest import Room

MOST_OPERATIONS = 60


@pytest.fixture
def enrolled(room: Room) -> Room:
    assert room.enroll()
    return room


def known(room: Room) -> str:
    """Give the recorder's key that lies on the unit."""
    return room.store().recorder_key().verifying.encode()


def test_present_key_vouches_for_the_next(enrolled: Room) -> None:
    """The controller knows the new key, both halves lie in their places, and nothing waits."""
    before = known(enrolled)
    replace_recorder_key(enrolled.config, enrolled.shop())
    assert known(enrolled) != before
    assert enrolled.registry.recorder_key == known(enrolled)
    assert enrolled.store().shows_recorder_key()
    assert not enrolled.store().has_staged_recorder_key()


@pytest.mark.parametrize(("claim", "words"), [(CAMERA, "camera runs"), (PARTS, "recorder runs")])
def test_key_is_not_replaced_while_the_recorder_runs(enrolled: Room, claim: str, words: str) -> None:
    """It holds the present key in its memory; nothing was asked and nothing touched."""
    before = known(enrolled)
    held = Claim(enrolled.config.data / "recorder" / claim)
    assert held.take()
    with pytest.raises(SuccessionRefused, match=words):
        replace_recorder_key(enrolled.config, enrolled.shop())
    held.give_back()
    assert known(enrolled) == before == enrolled.registry.recorder_key


def test_key_is_not_replaced_while_a_recording_lies_in_the_spool(enrolled: Room) -> None:
    """Delivered or not: what the present key signed would look damaged to the unit itself."""
    before, recording = known(enrolled), enrolled.config.data / "spool" / new_id()
    recording.mkdir(parents=True)
    with pytest.raises(SuccessionRefused, match="spool is not empty"):
        replace_recorder_key(enrolled.config, enrolled.shop())
    assert known(enrolled) == before
    recording.rmdir()
    replace_recorder_key(enrolled.config, enrolled.shop())
    assert known(enrolled) != before


def test_refused_key_changes_nothing_on_the_unit(enrolled: Room) -> None:
    """The registry holds another key than the unit's: the old one stays, and recordings go on under it."""
    before = known(enrolled)
    enrolled.registry.recorder_key = "another"
    with pytest.raises(Refused, match="409"):
        replace_recorder_key(enrolled.config, enrolled.shop())
    assert known(enrolled) == before
    assert enrolled.store().shows_recorder_key()


def test_lost_answer_is_made_up_for_with_the_same_key(enrolled: Room) -> None:
    """The controller has the new key and the unit does not know: it says the same again."""
    enrolled.registry.lose_replies = 1
    with pytest.raises(LinkError):
        replace_recorder_key(enrolled.config, enrolled.shop())
    waiting = enrolled.store().staged_recorder_key().verifying.encode()
    assert enrolled.registry.recorder_key == waiting
    replace_recorder_key(enrolled.config, enrolled.shop())
    assert known(enrolled) == waiting


def test_enrolling_leaves_an_unfinished_change_to_its_own_command(enrolled: Room) -> None:
    """The recorder may be running by then; `enroll` says what to do, and registers nothing old."""
    enrolled.registry.lose_replies = 1
    with pytest.raises(LinkError):
        replace_recorder_key(enrolled.config, enrolled.shop())
    enrolled.registry.asked.clear()
    assert enrolled.enroll()
    assert f"PUT {RECORDER_KEY_PATH}" not in enrolled.registry.asked
    assert any("new-recorder-key" in words for words in enrolled.said)


def test_change_killed_at_every_operation_ends_with_one_key(enrolled: Room) -> None:
    """Repeating it ends with one key in its place, both halves, and the controller knows it."""
    for at in range(1, MOST_OPERATIONS):
        try:
            replace_recorder_key(enrolled.config, enrolled.shop(KilledFiles(at)))
        except Cut:
            replace_recorder_key(enrolled.config, enrolled.shop())
        else:
            assert at > 10
            return
        assert enrolled.registry.recorder_key == known(enrolled)
        assert enrolled.store().shows_recorder_key()
        assert {path.name for path in (enrolled.config.data / "identity").iterdir()} == {
            "ca.pem",
            "recorder.key",
            "recorder.pub",
            "root.pub",
            "tls.key",
        }
    raise AssertionError("the change never ended")
