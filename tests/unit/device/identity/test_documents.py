"""The unit's document store: what it keeps, what it refuses, and how it treats what somebody damaged."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from device.identity import DocumentStore
from protocol.documents import Keyring, Lease, Policy, Receipt, Recipients, Undo, issue_document
from protocol.durable import REAL
from protocol.messages import Verdict
from tests.fakes.clock import BEGAN_AT
from tests.fakes.cutfiles import Cut, KilledFiles
from tests.school import WEEK, School, UnitBundle, make_school, new_id

NOW = BEGAN_AT


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """One school."""
    return make_school(tmp_path_factory.mktemp("school"), now=NOW)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit that holds keyring, recipients and policy."""
    return school.make_unit(tmp_path / "unit")


@pytest.fixture
def store(school: School, unit: UnitBundle) -> DocumentStore:
    """The unit's own store."""
    return DocumentStore(unit.data / "state", device=unit.device, root=school.root.verifying, files=REAL)


@pytest.fixture
def empty(school: School, unit: UnitBundle, tmp_path: Path) -> DocumentStore:
    """A store that holds nothing yet."""
    return DocumentStore(tmp_path / "empty", device=unit.device, root=school.root.verifying, files=REAL)


def test_first_documents_are_applied_in_the_order_of_trust(
    empty: DocumentStore, school: School, unit: UnitBundle
) -> None:
    """The keyring makes the policy believable: before it the policy is refused, after it applied."""
    policy = school.issue_policy(unit.device)
    assert empty.accept(Policy, policy).verdict is Verdict.REFUSED
    assert empty.accept(Keyring, school.keyring).verdict is Verdict.APPLIED
    accepted = empty.accept(Policy, policy)
    assert (accepted.verdict, accepted.generation, accepted.version) == (Verdict.APPLIED, 1, 1)


def test_newer_replaces_and_older_is_refused(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """Of one stream the higher version wins, whatever the order of arrival; twice the same is held already."""
    second, third = (school.issue_policy(unit.device, version=version) for version in (2, 3))
    assert store.accept(Policy, third).verdict is Verdict.APPLIED
    assert store.accept(Policy, second).verdict is Verdict.REFUSED
    assert store.accept(Policy, third).verdict is Verdict.HELD_ALREADY
    held = store.load(Policy, NOW).document
    assert held is not None
    assert held.version == 3


def test_higher_generation_wins_over_a_higher_version(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """A restored controller opens a new generation, and units that saw more follow it."""
    store.accept(Policy, school.issue_policy(unit.device, version=9))
    assert store.accept(Policy, school.issue_policy(unit.device, generation=2)).verdict is Verdict.APPLIED


def test_fork_is_refused_and_what_is_held_stays(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """Two different documents with one version: neither replaces the other, and the words say what to do."""
    before = store.load(Policy, NOW).line
    fork = store.accept(Policy, school.issue_policy(unit.device, owner=new_id()))
    assert fork.verdict is Verdict.REFUSED
    assert "the controller must issue a higher version" in fork.reason
    assert store.load(Policy, NOW).line == before


def test_document_of_another_school_is_refused(store: DocumentStore, unit: UnitBundle, tmp_path: Path) -> None:
    """The pinned root decides; a whole other school's signatures are worth nothing."""
    stranger = make_school(tmp_path / "stranger", now=NOW)
    for kind, line in ((Keyring, stranger.keyring), (Policy, stranger.issue_policy(unit.device, version=2))):
        assert store.accept(kind, line).verdict is Verdict.REFUSED


def test_document_signed_for_another_purpose_is_refused(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """A lease is no policy, whoever signed it."""
    assert store.accept(Policy, school.issue_lease(unit.device)).verdict is Verdict.REFUSED


def test_document_for_another_unit_is_refused(store: DocumentStore, school: School) -> None:
    """A policy that allows the room next door allows nothing here."""
    refused = store.accept(Policy, school.issue_policy(new_id(), version=2))
    assert refused.verdict is Verdict.REFUSED
    assert "policy.device: expected this unit" in refused.reason


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b"\xff\xfe\n", b"not a document 00 00\n"])
def test_bytes_that_are_no_document_are_refused(store: DocumentStore, line: bytes) -> None:
    """Whatever arrives is answered, never raised."""
    assert store.accept(Policy, line).verdict is Verdict.REFUSED


def test_document_holds_until_its_end(store: DocumentStore) -> None:
    """Loading asks whether it holds now, and says when it ended."""
    assert store.load(Policy, NOW + WEEK - timedelta(seconds=1)).document is not None
    gone = store.load(Policy, NOW + WEEK)
    assert gone.document is None
    assert "ended at" in gone.reason


def test_policy_under_an_expired_keyring_does_not_hold(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """What a keyring vouches for ends with the keyring."""
    store.accept(Policy, school.issue_policy(unit.device, version=2, lasts=200 * WEEK))
    assert store.load(Policy, NOW + 103 * WEEK).document is not None
    assert "keyring" in store.load(Policy, NOW + 104 * WEEK).reason


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 80])
def test_damaged_file_counts_as_absent_with_a_reason(store: DocumentStore, unit: UnitBundle, damage: bytes) -> None:
    """A corrupted document never stops the unit: it is absent, and a good one takes its place."""
    (unit.data / "state" / "recipients").write_bytes(damage)
    held = store.load(Recipients, NOW)
    assert held.document is None
    assert held.reason != ""


def test_damaged_file_is_replaced_by_a_good_document(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """The controller's next sending mends what was damaged, also with the version that was held."""
    (unit.data / "state" / "recipients").write_bytes(b"damaged")
    assert store.accept(Recipients, school.recipients).verdict is Verdict.APPLIED


def test_damaged_keyring_makes_what_it_vouched_for_absent(store: DocumentStore, unit: UnitBundle) -> None:
    """Without a keyring no policy can be believed."""
    (unit.data / "state" / "keyring").write_bytes(b"damaged")
    assert store.load(Policy, NOW).document is None
    assert store.trust.keyring is None


def test_file_that_a_network_process_edited_is_not_believed(store: DocumentStore, unit: UnitBundle) -> None:
    """P3: turning a refusal into a permission on the disk is of no use: the line is verified at every use."""
    path = unit.data / "state" / "policy"
    path.write_bytes(path.read_bytes().replace(b"adults_accepted", b"adults_excepted"))
    assert store.load(Policy, NOW).document is None


def test_kept_documents_are_readable_by_the_group(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """The recorder, another user of the same group, reads what agent and uploader keep."""
    store.accept(Lease, school.issue_lease(unit.device))
    assert stat.S_IMODE((unit.data / "state" / "lease").stat().st_mode) == 0o640


def test_receipts_are_kept_by_recording(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """Each recording has its own newest receipt, and one laid under another's name is not taken for it."""
    one, other = new_id(), new_id()
    line = _receipt(school, unit, one)
    assert store.accept(Receipt, line).verdict is Verdict.APPLIED
    assert store.load_receipt(one, NOW).document is not None
    unit.put_state(f"receipts/{other}", line)
    assert store.load_receipt(other, NOW).document is None


def _receipt(school: School, unit: UnitBundle, recording: str) -> bytes:
    receipt = Receipt(
        generation=1,
        version=1,
        issued_at=NOW,
        expires_at=NOW + WEEK,
        device=unit.device,
        recording=recording,
        manifest_lines=1,
        manifest_head="0" * 64,
        items=(),
    )
    return issue_document(receipt, school.receipt_key)


def test_newest_instant_is_that_of_the_newest_document(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """A unit without a clock knows at least when its newest verified document was issued."""
    later = NOW + timedelta(days=3)
    assert store.newest_instant() == NOW
    store.accept(Policy, school.issue_policy(unit.device, version=2, issued_at=later))
    assert store.newest_instant() == later


def test_store_that_is_killed_while_writing_keeps_the_old_or_the_new(
    school: School, unit: UnitBundle, tmp_path: Path
) -> None:
    """At every operation of an acceptance: afterwards the old document or the new one is held, never neither."""
    root, newer = school.root.verifying, school.issue_policy(unit.device, version=2)
    for at in range(1, 20):
        files = KilledFiles(at)
        store = DocumentStore(unit.data / "state", device=unit.device, root=root, files=files)
        try:
            store.accept(Policy, newer)
        except Cut:
            held = store.load(Policy, NOW).document
            assert held is not None
            assert held.version in (1, 2)
        else:
            return
    raise AssertionError("the acceptance never ran through")


def test_undo_is_held_by_recording(store: DocumentStore, school: School, unit: UnitBundle) -> None:
    """Each discarded recording has a stream of its own; an undo laid under another name is not one of that."""
    one, other = new_id(), new_id()
    assert store.accept(Undo, school.issue_undo(unit.device, one)).verdict is Verdict.APPLIED
    assert store.load_undo(one, NOW).document is not None
    assert store.load_undo(other, NOW).document is None
    unit.put_state(f"undo/{other}", school.issue_undo(unit.device, one))
    assert "it is for recording" in store.load_undo(other, NOW).reason


def test_what_is_held_about_erased_recordings_is_forgotten(
    store: DocumentStore, school: School, unit: UnitBundle
) -> None:
    """Receipts and undos do not outlive their recordings: their names would tell how many there were."""
    kept, gone = new_id(), new_id()
    for recording in (kept, gone):
        store.accept(Undo, school.issue_undo(unit.device, recording))
        unit.put_state(f"receipts/{recording}", b"receipt")
    draft = unit.put_state(f"receipts/.{gone}.new", b"the draft of another process")
    store.forget_all_but({kept})
    assert draft.exists()
    draft.unlink()
    folders = [unit.data / "state" / name for name in ("undo", "receipts")]
    assert [path.name for folder in folders for path in folder.iterdir()] == [kept, kept]


def test_document_that_lies_there_and_cannot_be_read_is_named(
    store: DocumentStore, empty: DocumentStore, unit: UnitBundle
) -> None:
    """One that is missing is waited for; one that the system refuses has to be mended by a hand, which is told how."""
    assert (store.find_obstacle(), empty.find_obstacle()) == ("", "")
    policy = unit.data / "state" / "policy"
    policy.unlink()
    assert store.find_obstacle() == ""
    policy.mkdir()
    said = store.find_obstacle()
    assert said.startswith(f"{policy}: Is a directory; ")
    assert said.endswith("systemd-tmpfiles --create backrow.conf")
