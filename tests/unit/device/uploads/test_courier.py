"""The question for the time on its way: carried within seconds, once, and again while nobody answers."""

from __future__ import annotations

from device.asked import ANSWER, ASKED, Question, store_question
from device.uploads.service import TIME_WITHIN_S
from protocol.signed_time import SignedTime, issue_signed_time, verify_signed_time
from tests.fakes.ingest import Fault
from tests.school import new_id
from tests.unit.device.uploads.conftest import Night


def ask(night: Night) -> str:
    """Let the recorder ask; give its nonce."""
    folder, nonce = night.unit.data / "recorder", new_id()
    folder.mkdir(exist_ok=True)
    store_question(folder, Question(nonce=nonce))
    return nonce


def tell_times(night: Night) -> None:
    """Let the controller be one of this release."""

    def tell(nonce: str) -> bytes:
        said = SignedTime(device=night.unit.device, nonce=nonce, at=night.world.now_at)
        return issue_signed_time(said, night.school.policy_key)

    night.ingest.tell_time = tell


def answered(night: Night) -> str:
    """Give the nonce that the answer in `state/` is for, or nothing."""
    path = night.unit.data / "state" / ANSWER
    return verify_signed_time(path.read_bytes(), night.school.trust).nonce if path.exists() else ""


def test_answer_lies_there_after_one_turn_and_is_fetched_once(night: Night) -> None:
    """No lease is needed for it, and nothing has to wait in the spool."""
    tell_times(night)
    nonce = ask(night)
    night.turn()
    assert answered(night) == nonce
    for _ in range(5):
        night.turn()
    assert night.ingest.count("GET", "/time/") == 1
    nonce = ask(night)
    night.turn()
    assert answered(night) == nonce


def test_nothing_is_asked_while_the_recorder_asks_nothing(night: Night) -> None:
    """A unit whose clock is set never troubles the controller; a damaged question is none."""
    tell_times(night)
    for _ in range(5):
        night.turn()
    ask(night)
    (night.unit.data / "recorder" / ASKED).write_bytes(b'{"nonce":"../../x"}')
    night.turn()
    assert night.ingest.count("GET", "/time/") == 0


def test_question_is_carried_again_until_it_is_answered(night: Night) -> None:
    """Cuts and a busy server cost at most a minute each, well within the time for which a question is open."""
    tell_times(night)
    nonce = ask(night)
    night.ingest.faults += [Fault("GET", f"/time/{nonce}", lose_answer=True)] * 2
    night.ingest.faults += [Fault("GET", f"/time/{nonce}", status=503, code="busy")] * 2
    began = night.world.monotonic_s
    night.uploader.turn()
    while not answered(night):
        night.world.advance(1)
        night.uploader.turn()
    assert night.world.monotonic_s - began < 4 * TIME_WITHIN_S


def test_controller_of_the_release_before_costs_the_time_alone(night: Night) -> None:
    """It knows no such address: there is no answer, and documents and leases come as ever."""
    ask(night)
    for _ in range(10):
        night.turn()
    assert not answered(night)
    assert night.ingest.count("GET", "/documents") > 0
    assert night.ingest.count("GET", "/lease") > 0
