"""The recorder's statement of epochs: true to the spool, silent about lessons, and written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.recorder.epochs import EVERY, LAST_WORD, EpochTeller, Word, load_statement
from device.spool.held import HeldEpochs
from protocol.durable import REAL, Files
from protocol.epochs import EpochsHeld
from tests.fakes.camera import FakeCamera
from tests.fakes.clock import BEGAN_AT
from tests.fakes.cutfiles import Cut, KilledFiles, PoweredFiles
from tests.recorder_room import make_fast_unit, open_room
from tests.school import WEEK, make_school
from tests.unit.device.spool.conftest import SpoolBench

THIS_WEEK, LAST_WEEK = "2026-w37", "2026-w36"  # the bench's recordings are of the second


@dataclass
class Desk:
    """One recorder's statement, made anew as often as the process starts."""

    bench: SpoolBench
    path: Path

    def word(self, files: Files = REAL) -> Word:
        """Whose statement it is."""
        return Word(device=self.bench.device, key=self.bench.recorder, path=self.path, files=files)

    def start(self, files: Files = REAL) -> EpochTeller:
        """Start the process."""
        return EpochTeller(self.word(files), HeldEpochs(self.bench.store, self.bench.recorder.verifying))

    def read(self) -> EpochsHeld:
        """Read the statement as the controller does."""
        said = load_statement(self.word())
        assert said is not None
        return said


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A recorder with an empty spool that has said nothing yet."""
    return Desk(SpoolBench(tmp_path / "spool"), tmp_path / "epochs")


def test_statement_names_what_lies_here_and_what_a_press_would_seal_to(desk: Desk) -> None:
    """Open or closed, each recording's epoch is named, beside the one in force; released, it is named no more."""
    recording = desk.bench.record()
    desk.bench.record(reason=None)
    teller = desk.start()
    teller.tell(BEGAN_AT, THIS_WEEK)
    assert (desk.read().held, desk.read().unknown) == ((LAST_WEEK, THIS_WEEK), False)
    for name in desk.bench.store.recordings():
        desk.bench.store.remove_recording(name)
    assert recording not in desk.bench.store.recordings()
    teller.tell(BEGAN_AT, THIS_WEEK)
    assert desk.read().held == (THIS_WEEK,)


def test_recording_of_this_week_changes_nothing(desk: Desk) -> None:
    """A lesson in the epoch in force, and its release, leave the statement as it was: it tells of no lesson (P7)."""
    teller = desk.start()
    teller.tell(BEGAN_AT, LAST_WEEK)
    before = desk.path.read_bytes()
    recording = desk.bench.record()
    teller.tell(BEGAN_AT + timedelta(hours=1), LAST_WEEK)
    desk.bench.store.remove_recording(recording)
    teller.tell(BEGAN_AT + timedelta(hours=2), LAST_WEEK)
    assert desk.path.read_bytes() == before


def test_unit_at_rest_says_so_every_week(desk: Desk) -> None:
    """With nothing new to say the statement is made anew after six days, with a higher counter, and not before."""
    teller = desk.start()
    teller.tell(BEGAN_AT, None)
    first = desk.read()
    teller.tell(BEGAN_AT + EVERY - timedelta(minutes=1), None)
    assert desk.read() == first
    desk.start().tell(BEGAN_AT + EVERY, None)
    assert (desk.read().held, desk.read().at) == ((), BEGAN_AT + EVERY)
    assert desk.read().counter > first.counter


@pytest.mark.parametrize("damage", ["first line", "no manifest", "other unit's"])
def test_damaged_recording_counts_as_held(desk: Desk, damage: str, tmp_path: Path) -> None:
    """When nobody can tell to which epoch something here is sealed, every epoch may be held."""
    recording = desk.bench.record()
    path = desk.bench.store.manifest_path(recording)
    data = path.read_bytes()
    if damage == "first line":
        path.write_bytes(data[:40] + bytes((data[40] ^ 1,)) + data[41:])
    elif damage == "no manifest":
        path.unlink()
    else:
        other = SpoolBench(tmp_path / "other")
        path.write_bytes(other.store.manifest_path(other.record()).read_bytes())
    desk.start().tell(BEGAN_AT, THIS_WEEK)
    assert desk.read().may_hold("any-epoch")


def test_damage_after_the_first_line_is_still_of_its_epoch(desk: Desk) -> None:
    """A manifest that breaks further down, and one that breaks while the process lives, block their own epoch alone."""
    recording, later = desk.bench.record(), desk.bench.record()
    teller = desk.start()
    path = desk.bench.store.manifest_path(recording)
    first = path.read_bytes().index(b"\n") + 1
    path.write_bytes(path.read_bytes()[:first] + b"rubbish\n")
    teller.tell(BEGAN_AT, THIS_WEEK)
    desk.bench.store.manifest_path(later).write_bytes(b"rubbish\n")
    teller.tell(BEGAN_AT, THIS_WEEK)
    assert (desk.read().held, desk.read().unknown) == ((LAST_WEEK, THIS_WEEK), False)


def test_counter_grows_though_the_file_was_lost(desk: Desk) -> None:
    """A statement that a damaged card lost is followed by one with a higher counter, by the clock; the clock set back
    alone lowers nothing."""
    desk.start().tell(BEGAN_AT, None)
    first = desk.read().counter
    desk.path.write_bytes(b"rubbish")
    teller = desk.start()
    assert teller.said_at is None
    teller.tell(BEGAN_AT + timedelta(minutes=1), None)
    assert desk.read().counter > first
    second = desk.read().counter
    teller.tell(BEGAN_AT - timedelta(days=400), THIS_WEEK)
    assert desk.read().counter == second + 1


def test_statement_is_whole_after_a_cut_at_every_operation(tmp_path: Path) -> None:
    """Killed, or without power, at any operation of the disk, the file holds the old statement or the new one."""
    for number in range(1, 40):
        for kind in (KilledFiles, PoweredFiles):
            root = tmp_path / f"{number}-{kind.__name__}"
            desk = Desk(SpoolBench(root / "spool"), root / "epochs")
            files = KilledFiles(number) if kind is KilledFiles else PoweredFiles(root, number)
            teller = desk.start(files)
            said = []
            try:
                for epoch in (LAST_WEEK, THIS_WEEK):
                    teller.tell(BEGAN_AT, epoch)
                    said.append((epoch,))
            except Cut:
                if isinstance(files, PoweredFiles):
                    files.leave()
                found = load_statement(desk.word())
                assert (found.held if found else None) in ((said[-1] if said else None), (LAST_WEEK,), (THIS_WEEK,))
                assert not said or found
                continue
            return
    raise AssertionError("the statement took more operations than were tried")


def test_last_word_is_out_some_hours_after_nothing_is_left(desk: Desk) -> None:
    """Before a retired unit is wiped the controller shall have heard that it holds nothing."""
    recording, teller = desk.bench.record(), desk.start()
    teller.tell(BEGAN_AT, None)
    assert not teller.has_said_its_last_word(BEGAN_AT + 2 * LAST_WORD)
    desk.bench.store.remove_recording(recording)
    teller.tell(BEGAN_AT, None)
    assert not teller.has_said_its_last_word(BEGAN_AT + LAST_WORD - timedelta(seconds=1))
    assert desk.start().has_said_its_last_word(BEGAN_AT + LAST_WORD)


def test_unit_at_rest_learns_the_time_from_what_arrives(tmp_path: Path) -> None:
    """A clock that stands weeks behind is mended by a newer document, with no press: the word names its week."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = make_fast_unit(school, tmp_path / "unit")
    first, _, third, *_ = school.epoch_identities
    with open_room(school, unit, FakeCamera(())) as room:
        room.wait_for("ready")
        said = unit.data / "recorder" / "epochs"
        assert f'"held":["{first}"]' in said.read_text("ascii")
        later = school.issue_policy(unit.device, version=2, issued_at=school.now + 2 * WEEK)
        unit.put_state("policy", later)
        room.wait_until(lambda: f'"held":["{third}"]' in said.read_text("ascii"), "the word on the week it is now")
