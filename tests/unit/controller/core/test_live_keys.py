"""A controller that runs follows the school's keys folder: whole changes at once, half ones never."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from controller.errors import OperatorError
from controller.live_keys import LiveKeys
from protocol.documents import Purpose
from protocol.durable import REAL
from protocol.keyfiles import store_signing_key
from protocol.signing import SigningKey
from provisioning.keys.extension import extend_epochs
from provisioning.keys.rotation import rotate_signing
from tests.lesson import BEGAN_AT
from tests.school import School, make_school


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose root lies among its keys."""
    return make_school(tmp_path, now=BEGAN_AT)


def rotate(school: School) -> None:
    """Let a new policy key sign."""
    rotate_signing(school.keys, Purpose.POLICY, school.root, now=BEGAN_AT, files=REAL)


def test_rotation_is_taken_without_a_restart(school: School) -> None:
    """The next who asks gets the new key and the new keyring; before that nothing is read twice."""
    live = LiveKeys(school.keys)
    first = live.current()
    assert live.current() is first
    rotate(school)
    second = live.current()
    assert second.policy.verifying != first.policy.verifying
    assert second.trust.keys_for(Purpose.POLICY) == (second.policy.verifying, first.policy.verifying)
    assert live.current() is second


def test_extension_is_taken_with_its_identities(school: School) -> None:
    """New recipients are published, and the server can open what will be sealed to them."""
    live = LiveKeys(school.keys)
    _, new = extend_epochs(school.keys, school.root, now=BEGAN_AT + timedelta(days=28), weeks=12)
    keys = live.current()
    assert set(new) <= {epoch.name for epoch in keys.recipients.epochs}
    assert set(new) <= set(keys.epochs)


def test_folder_that_cannot_be_used_changes_nothing(school: School, caplog: pytest.LogCaptureFixture) -> None:
    """The keys of before go on, the log names the file once, and a repair is taken."""
    live = LiveKeys(school.keys)
    first = live.current()
    stranger = SigningKey.generate()
    store_signing_key(school.keys / "policy.key", stranger, "policy")
    with caplog.at_level(logging.ERROR):
        assert [live.current() for _ in range(3)] == [first] * 3
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "policy.key: the keyring does not name this key" in caplog.text
    store_signing_key(school.keys / "policy.key", school.policy_key, "policy")
    assert live.current().policy.verifying == school.policy_key.verifying
    rotate(school)
    assert live.current().policy.verifying not in (first.policy.verifying, stranger.verifying)


def test_process_does_not_start_without_keys(school: School) -> None:
    """At the start there is nothing to go on with."""
    (school.keys / "keyring").unlink()
    with pytest.raises(OperatorError, match="keyring"):
        LiveKeys(school.keys)


def test_no_thread_ever_sees_half_a_rotation(school: School) -> None:
    """While keys are rotated again and again, whoever asks gets a key that the keyring beside it names."""
    live, stop, wrong = LiveKeys(school.keys), threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            keys = live.current()
            if keys.policy.verifying not in keys.trust.keys_for(Purpose.POLICY):
                wrong.append(keys.policy.verifying.key_id)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        rotate(school)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(live.current().trust.keys_for(Purpose.POLICY)) == 11
