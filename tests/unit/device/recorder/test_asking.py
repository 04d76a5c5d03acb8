"""The time, asked of the school: what is believed, what never is, and that asking again always helps."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.asked import ANSWER, ASKED, believed_now, load_question, load_told
from device.identity import DocumentStore
from device.recorder.asking import AGAIN_S, OPEN_S, Post, TimeAsker
from device.recorder.moments import RELEASED_AT, Moments
from device.recorder.permission import Permission
from protocol.durable import REAL
from protocol.signed_time import SignedTime, issue_signed_time
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT, ManualClock
from tests.school import School, UnitBundle, make_school, new_id

NOW = RELEASED_AT + timedelta(days=1)
WRONG = {"1970": -timedelta(days=20_000), "two_weeks_ahead": timedelta(weeks=2), "ten_years_ahead": timedelta(3650)}


class _Clock(ManualClock):
    """A clock whose wall time is off by `ahead`; the truth goes on by the monotonic one."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self.trusted = False
        self.ahead = ahead

    def true_at(self) -> datetime:
        """Give what time it really is: a day after the newest document at the beginning."""
        return NOW + timedelta(days=1) + (super().now_at() - BEGAN_AT)

    def now_at(self) -> datetime:
        """See `Clock.now_at`."""
        return self.true_at() if self.trusted else self.true_at() + self.ahead


@dataclass
class Bench:
    """A recorder's time, the school that may be asked, and whoever carries between them."""

    school: School
    unit: UnitBundle
    clock: _Clock
    moments: Moments = field(init=False)
    asker: TimeAsker = field(init=False)
    permission: Permission = field(init=False)

    def __post_init__(self) -> None:
        """Start the recorder's process for the first time."""
        (self.unit.data / "recorder").mkdir(exist_ok=True)
        self.restart()

    def restart(self, *, boot: str = "") -> None:
        """Begin anew from the disk, after a start of the machine when `boot` names one."""
        self.clock.boot_id = boot or self.clock.boot_id
        documents = DocumentStore(
            self.unit.data / "state", device=self.unit.device, root=self.school.root.verifying, files=REAL
        )
        post = Post(
            device=self.unit.device,
            folder=self.unit.data / "recorder",
            answer=self.unit.data / "state" / ANSWER,
            files=REAL,
        )
        self.moments = Moments(self.clock, documents.newest_instant())
        self.asker = TimeAsker(post, documents, self.moments, clock=self.clock, random_bytes=os.urandom)
        self.permission = Permission(documents, self.moments)

    @property
    def nonce(self) -> str:
        """Give the nonce of the open question, or nothing."""
        question = load_question(self.unit.data / "recorder")
        return question.nonce if question else ""

    def sign(self, *, key: SigningKey | None = None, **fields: object) -> bytes:
        """Sign the true time for the open question, but for what `fields` say."""
        said = SignedTime(device=self.unit.device, nonce=self.nonce, at=self.clock.true_at())
        return issue_signed_time(replace(said, **fields), key or self.school.policy_key)  # type: ignore[arg-type]

    def answer(self, line: bytes | None = None) -> None:
        """Lay an answer where the uploader does, and let the recorder look."""
        self.unit.put_state(ANSWER, line or self.sign())
        self.asker.turn()

    def error_s(self) -> float:
        """Tell by how many seconds the unit's time is ahead of the truth."""
        return (self.moments.now_at() - self.clock.true_at()).total_seconds()


@pytest.fixture(params=WRONG.values(), ids=WRONG)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """A unit with a clock that nobody has set, in each of the ways in which it can be wrong."""
    school = make_school(tmp_path / "school", now=NOW)
    return Bench(school, school.make_unit(tmp_path / "unit"), _Clock(request.param))


def test_signed_time_is_believed_wherever_the_clock_stands(bench: Bench) -> None:
    """From the answer on the time is right, trusted, and a press is allowed that a clock ahead had refused."""
    bench.asker.turn()
    assert not bench.moments.trusted
    bench.clock.advance(7)
    bench.answer()
    assert bench.moments.trusted
    assert bench.error_s() == 0
    assert bench.permission.ask().allowed
    bench.clock.advance(3600)
    assert bench.error_s() == 0
    assert bench.moments.known_at() == bench.clock.true_at()


def test_delay_makes_the_time_late_by_no_more_than_the_question_is_open(bench: Bench) -> None:
    """Whoever carries the answer may keep it back: to the last second it counts, and then it is worth nothing."""
    bench.asker.turn()
    line = bench.sign()
    bench.clock.advance(OPEN_S - 1)
    bench.answer(line)
    assert bench.error_s() == -(OPEN_S - 1)
    bench.restart(boot="next")
    bench.asker.turn()
    line = bench.sign()
    bench.clock.advance(OPEN_S)
    bench.answer(line)
    assert not bench.moments.trusted


FORGERIES: dict[str, Callable[[Bench], bytes]] = {
    "another_nonce": lambda bench: bench.sign(nonce=new_id()),
    "another_unit": lambda bench: bench.sign(device=new_id()),
    "lease_key": lambda bench: bench.sign(key=bench.school.lease_key),
    "receipt_key": lambda bench: bench.sign(key=bench.school.receipt_key),
    "stranger": lambda bench: bench.sign(key=SigningKey.generate()),
    "recorders_own": lambda bench: bench.sign(key=bench.unit.recorder),
    "altered": lambda bench: bench.sign().replace(b'"20', b'"21', 1),
    "before_the_newest_document": lambda bench: bench.sign(at=NOW - timedelta(seconds=OPEN_S + 1)),
    "after_the_keyring": lambda bench: bench.sign(at=NOW + timedelta(days=366 * 20)),
    "policy": lambda bench: (bench.unit.data / "state" / "policy").read_bytes(),
    "cut": lambda bench: bench.sign()[:-2],
    "nothing": lambda _bench: b"\n",
    "long": lambda bench: bench.sign() + b"x" * 5000,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_does_not_answer_the_question_is_not_believed(bench: Bench, forge: Callable[[Bench], bytes]) -> None:
    """Nothing changes, and the true answer is still believed afterwards."""
    bench.asker.turn()
    before = bench.moments.now_at()
    bench.answer(forge(bench))
    assert not bench.moments.trusted
    assert bench.moments.now_at() == before
    bench.answer()
    assert bench.moments.trusted


def test_old_answer_is_never_believed_again(bench: Bench) -> None:
    """Not to the next question, not after a restart, not in the next boot, and not while no question is open."""
    bench.asker.turn()
    line = bench.sign()
    bench.answer(line)
    bench.clock.advance(AGAIN_S)
    bench.asker.turn()
    assert bench.nonce
    for boot in ("", "next", "after"):
        bench.answer(line)
        assert bench.nonce, "it was taken for the answer to another question"
        bench.restart(boot=boot)
        bench.asker.turn()
    assert not bench.moments.trusted


def test_question_is_asked_anew_when_nobody_answers(bench: Bench) -> None:
    """A nonce is never used twice; between two questions the file stays as it is."""
    seen = []
    for _ in range(5):
        bench.asker.turn()
        seen.append(bench.nonce)
        bench.clock.advance(OPEN_S / 2)
        bench.asker.turn()
        assert bench.nonce == seen[-1]
        bench.clock.advance(OPEN_S / 2)
    assert len(set(seen)) == len(seen)


def test_answer_waits_for_the_keyring_that_vouches_for_its_key(bench: Bench, tmp_path: Path) -> None:
    """A policy key that was replaced while the unit was away: the same answer counts as soon as the keyring is here."""
    state = bench.unit.data / "state"
    keyring = (state / "keyring").read_bytes()
    (state / "keyring").unlink()
    bench.asker.turn()
    bench.answer()
    assert not bench.moments.trusted
    (state / "keyring").write_bytes(keyring)
    bench.asker.turn()
    assert bench.moments.trusted


def test_restarted_process_goes_on_and_restarted_machine_asks_anew(bench: Bench) -> None:
    """The monotonic clock goes on over a restart of the process alone."""
    bench.asker.turn()
    bench.answer()
    bench.clock.advance(600)
    bench.restart()
    assert bench.moments.trusted
    assert abs(bench.error_s()) < 0.001
    bench.restart(boot="next")
    assert not bench.moments.trusted
    bench.asker.turn()
    bench.answer()
    assert bench.moments.trusted


def test_commands_at_the_unit_go_by_what_the_recorder_was_told(bench: Bench) -> None:
    """Self-test and check call no document ended by a clock that nobody set; in another boot the clock counts."""
    folder, clock = bench.unit.data / "recorder", bench.clock
    assert believed_now(folder, clock) == clock.now_at()
    bench.asker.turn()
    bench.answer()
    clock.advance(60)
    assert believed_now(folder, clock) == clock.true_at()
    clock.boot_id = "next"
    assert believed_now(folder, clock) == clock.now_at()


def test_network_that_sets_the_clock_ends_the_asking(bench: Bench) -> None:
    """The clock counts from then on, the question is taken away, and a late answer is not looked at."""
    bench.asker.turn()
    line = bench.sign()
    bench.clock.trusted = True
    bench.answer(line)
    assert not (bench.unit.data / "recorder" / ASKED).exists()
    assert load_told(bench.unit.data / "recorder") is None
    assert bench.moments.trusted
    assert bench.error_s() == 0


def test_damaged_note_is_none(bench: Bench) -> None:
    """What the recorder noted and cannot read any more leaves it asking."""
    bench.asker.turn()
    bench.answer()
    (bench.unit.data / "recorder" / "told").write_bytes(b"{}")
    bench.restart()
    assert not bench.moments.trusted
    bench.asker.turn()
    assert bench.nonce


def test_documents_that_come_later_do_not_set_the_time_back(bench: Bench) -> None:
    """A policy that was issued an hour before it arrives proves nothing that was not known."""
    bench.asker.turn()
    bench.answer()
    bench.clock.advance(7200)
    issued_at = bench.clock.true_at() - timedelta(hours=1)
    bench.unit.put_state("policy", bench.school.issue_policy(bench.unit.device, version=2, issued_at=issued_at))
    bench.permission.learn_time()
    assert bench.error_s() == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_carrier_that_lies_can_only_delay(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is kept back, replayed, mixed up or dropped, over restarts and starts: a time that is trusted is at most
    late by as long as a question is open, and never ahead; and an honest answer always helps."""
    folder = tmp_path_factory.mktemp("carrier")
    school = make_school(folder / "school", now=NOW)
    bench = Bench(school, school.make_unit(folder / "unit"), _Clock(data.draw(st.sampled_from(list(WRONG.values())))))
    kept: list[bytes] = []
    for step in data.draw(st.lists(st.sampled_from(("sign", "give", "wait", "restart", "boot")), max_size=30)):
        if step == "sign" and bench.nonce:
            kept.append(bench.sign())
        elif step == "give" and kept:
            bench.answer(data.draw(st.sampled_from(kept)))
        elif step == "wait":
            bench.clock.advance(data.draw(st.sampled_from((5, 200, int(OPEN_S), 90_000))))
        elif step in ("restart", "boot"):
            bench.restart(boot=new_id() if step == "boot" else "")
        bench.asker.turn()
        if bench.moments.trusted:
            assert -OPEN_S <= bench.error_s() <= 0.001
    bench.clock.advance(OPEN_S)
    bench.restart(boot="honest")
    bench.asker.turn()
    bench.answer()
    assert bench.moments.trusted
