"""Documents that were replayed, forged, altered or have ended: never applied, also when the unit dies on the way.

Of each kind a unit holds version 5. What is tried against it stands in `HOSTILE`; what a cut leaves is asked at every
operation on the disk. Whatever is used afterwards is version 5, or the honest version 6, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from device.identity import DocumentStore
from protocol.documents import (
    Document,
    Keyring,
    KeyringKey,
    Lease,
    Policy,
    Purpose,
    Recipients,
    Withdrawal,
    issue_document,
    verify_document,
)
from protocol.durable import REAL, Files
from protocol.messages import Verdict
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, PoweredFiles, Tail
from tests.school import School, make_school, new_id

NOW = BEGAN_AT
DEVICE = new_id()
KINDS: tuple[type[Document], ...] = (Keyring, Recipients, Policy, Withdrawal, Lease)
HELD, NEXT = 5, 6


@dataclass(frozen=True)
class Mint:
    """Makes documents of one kind out of a good one."""

    kind: type[Document]
    good: Document
    key: SigningKey

    def line(self, version: int, key: SigningKey | None = None, **changes: Any) -> bytes:
        """Sign a version, by the right key unless another is given."""
        return issue_document(replace(self.good, **{"version": version, **changes}), key or self.key)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """The unit's school."""
    return make_school(tmp_path_factory.mktemp("school"), now=NOW)


@pytest.fixture(scope="module")
def mints(school: School) -> Mapping[type[Document], Mint]:
    """What makes each kind."""
    lines: dict[type[Document], tuple[bytes, SigningKey]] = {
        Keyring: (school.keyring, school.root),
        Recipients: (school.recipients, school.root),
        Policy: (school.issue_policy(DEVICE), school.policy_key),
        Withdrawal: (school.issue_withdrawal(DEVICE, new_id()), school.policy_key),
        Lease: (school.issue_lease(DEVICE), school.lease_key),
    }
    return {
        kind: Mint(kind, verify_document(kind, line, school.trust), key)  # type: ignore[type-abstract]
        for kind, (line, key) in lines.items()
    }


def make_store(folder: Path, school: School, files: Files = REAL) -> DocumentStore:
    """Open the unit's store as a process does when it starts."""
    return DocumentStore(folder, device=DEVICE, root=school.root.verifying, files=files)


def fill(store: DocumentStore, mints: Mapping[type[Document], Mint]) -> None:
    """Let the unit hold version 5 of everything."""
    for kind in KINDS:
        assert store.accept(kind, mints[kind].line(HELD)).verdict is Verdict.APPLIED


def keys_of(school: School) -> Iterator[SigningKey]:
    """Give every key of the school, and one of nobody's."""
    yield from (school.root, school.policy_key, school.receipt_key, school.lease_key, school.settings_key)
    yield SigningKey.generate()


def replayed(mint: Mint, _: School) -> Iterator[bytes]:
    """What was good once: every version before."""
    yield from (mint.line(version) for version in range(1, HELD))


def forked(mint: Mint, _: School) -> Iterator[bytes]:
    """Another document of the same version, rightly signed."""
    yield mint.line(HELD, issued_at=mint.good.issued_at - timedelta(hours=1))


def signed_by_others(mint: Mint, school: School) -> Iterator[bytes]:
    """A higher version that any other key of the school signed, or a key of nobody's."""
    yield from (mint.line(NEXT, key) for key in keys_of(school) if key.verifying != mint.key.verifying)


def for_others(mint: Mint, _: School) -> Iterator[bytes]:
    """A higher version, rightly signed, for another unit; those for all units have no such thing."""
    if hasattr(mint.good, "device"):
        yield mint.line(NEXT, device=new_id())


def altered(mint: Mint, _: School) -> Iterator[bytes]:
    """The honest next version with one bit changed, at every byte; cut at every byte; with something behind it."""
    line = mint.line(NEXT)
    step = max(1, len(line) // 150)
    yield from (line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :] for at in range(0, len(line), step))
    yield from (line[:at] for at in range(0, len(line), step))
    yield from (line + line, line + b"\n", line[:-1], b" " + line, line.replace(b'"version":6', b'"version":7'))


HOSTILE: Mapping[str, Callable[[Mint, School], Iterator[bytes]]] = {
    "replayed": replayed,
    "forked": forked,
    "signed by others": signed_by_others,
    "for others": for_others,
    "altered": altered,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
@pytest.mark.parametrize("how", HOSTILE)
def test_hostile_document_is_refused_and_changes_nothing(
    school: School, mints: Mapping[type[Document], Mint], tmp_path: Path, kind: type[Document], how: str
) -> None:
    """Every byte in the folder stays as it was; the honest next version is still taken afterwards."""
    store = make_store(tmp_path / "state", school)
    fill(store, mints)
    before = contents(tmp_path / "state")
    for line in HOSTILE[how](mints[kind], school):
        for offered in KINDS:  # under its own name, and under every other
            assert store.accept(offered, line).verdict is Verdict.REFUSED
        assert contents(tmp_path / "state") == before
    assert store.accept(kind, mints[kind].line(NEXT)).verdict is Verdict.APPLIED


def contents(folder: Path) -> dict[str, bytes]:
    """Read every file."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_ended_document_is_never_used(
    school: School, mints: Mapping[type[Document], Mint], tmp_path: Path, kind: type[Document]
) -> None:
    """It may be kept, for the clock may be wrong when it comes, but whoever asks for it is told that it ended."""
    store = make_store(tmp_path / "state", school)
    fill(store, mints)
    long_ago = NOW - timedelta(days=9)
    begins = {"issued_at": long_ago} | ({"not_before": long_ago} if kind is Lease else {})
    store.accept(kind, mints[kind].line(NEXT, expires_at=NOW - timedelta(seconds=1), **begins))
    held = store.load(kind, NOW)
    assert held.document is None
    assert "ended at" in held.reason


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
@pytest.mark.parametrize("tail", [None, *Tail], ids=lambda tail: tail.value if tail else "killed")
def test_unit_that_dies_between_storing_and_using_is_not_thrown_back(
    school: School,
    mints: Mapping[type[Document], Mint],
    tmp_path: Path,
    kind: type[Document],
    tail: Tail | None,
) -> None:
    """Killed or without power at every operation while version 6 is stored: version 5 or 6 is held, and nothing older.

    The same hostile documents are offered to the process that starts again; then version 6 comes once more.
    """
    mint = mints[kind]
    for at in _operations(school, mints, tmp_path / "count", kind):
        folder = tmp_path / f"{at}"
        files = KilledFiles(at) if tail is None else PoweredFiles(folder, at, tail)
        store = make_store(folder, school, files)
        fill(store, mints)
        with pytest.raises(Cut):
            store.accept(kind, mint.line(NEXT))
        if isinstance(files, PoweredFiles):
            files.leave()
        again = make_store(folder, school)
        held = again.load(kind, NOW).document
        assert held is not None, f"cut at {at}: nothing is held"
        assert held.version in (HELD, NEXT)
        for line in (*replayed(mint, school), *forked(mint, school), *signed_by_others(mint, school)):
            assert again.accept(kind, line).verdict is Verdict.REFUSED
        assert again.accept(kind, mint.line(NEXT)).verdict in (Verdict.APPLIED, Verdict.HELD_ALREADY)
        used = again.load(kind, NOW).document
        assert used is not None
        assert used.version == NEXT


def _operations(
    school: School, mints: Mapping[type[Document], Mint], folder: Path, kind: type[Document]
) -> tuple[int, ...]:
    """Number the operations on the disk that storing the next version takes, after everything before it."""
    files = CountingFiles()
    store = make_store(folder, school, files)
    fill(store, mints)
    before = len(files.names)
    store.accept(kind, mints[kind].line(NEXT))
    return tuple(range(before + 1, len(files.names) + 1))


def test_key_that_was_taken_back_stays_so(school: School, mints: Mapping[type[Document], Mint], tmp_path: Path) -> None:
    """A new keyring without the stolen policy key ends what that key signed, and the old keyring does not return."""
    store = make_store(tmp_path / "state", school)
    fill(store, mints)
    old, fresh = mints[Keyring], SigningKey.generate()
    assert isinstance(old.good, Keyring)
    kept = tuple(key for key in old.good.keys if key.purpose is not Purpose.POLICY)
    renewed = (*kept, KeyringKey(purpose=Purpose.POLICY, public=fresh.verifying.encode()))
    assert store.accept(Keyring, old.line(NEXT, keys=renewed)).verdict is Verdict.APPLIED
    assert store.load(Policy, NOW).document is None, "it was signed by the key that was stolen"
    assert store.accept(Policy, mints[Policy].line(NEXT)).verdict is Verdict.REFUSED
    assert store.accept(Keyring, old.line(HELD)).verdict is Verdict.REFUSED
    assert store.accept(Policy, mints[Policy].line(NEXT, fresh)).verdict is Verdict.APPLIED


def test_higher_generation_needs_the_right_signature_as_well(
    school: School, mints: Mapping[type[Document], Mint], tmp_path: Path
) -> None:
    """A generation is what a restored controller opens; nobody else can, and an older one is a replay whatever else."""
    store = make_store(tmp_path / "state", school)
    fill(store, mints)
    for kind, mint in mints.items():
        stranger = SigningKey.generate()
        assert store.accept(kind, mint.line(1, stranger, generation=9)).verdict is Verdict.REFUSED
        assert store.accept(kind, mint.line(1, generation=2)).verdict is Verdict.APPLIED
        assert store.accept(kind, mint.line(999, generation=1)).verdict is Verdict.REFUSED
