"""The recorder's keys as provisioning laid them down."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.identity import load_identity, load_root
from protocol.keyfiles import KeyFileError
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT
from tests.school import School, UnitBundle, make_school


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """One school."""
    return make_school(tmp_path_factory.mktemp("school"), now=BEGAN_AT)


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """One unit."""
    return school.make_unit(tmp_path / "unit")


def test_identity_is_what_the_bundle_holds(school: School, unit: UnitBundle) -> None:
    """Root and recorder key are read from identity/."""
    identity = load_identity(unit.data / "identity")
    assert identity.root == school.root.verifying
    assert identity.recorder.verifying == unit.recorder.verifying


def test_identity_never_shows_its_secret(unit: UnitBundle) -> None:
    """A log line with the identity in it leaks nothing."""
    assert "recorder=" not in repr(load_identity(unit.data / "identity"))


def test_key_that_others_can_read_is_refused(unit: UnitBundle) -> None:
    """A key that leaked silently is worse than a unit that says why it stops."""
    (unit.data / "identity" / "recorder.key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_identity(unit.data / "identity")


def test_key_of_another_bundle_is_refused(unit: UnitBundle) -> None:
    """A unit whose manifests nobody could verify must not record."""
    stranger = SigningKey.generate().verifying.encode()
    (unit.data / "identity" / "recorder.pub").write_text(stranger + "\n")
    with pytest.raises(KeyFileError, match="come from different bundles"):
        load_identity(unit.data / "identity")


@pytest.mark.parametrize("name", ["recorder.key", "recorder.pub", "root.pub"])
@pytest.mark.parametrize("content", [None, "", "nonsense\n"])
def test_key_that_is_missing_or_unreadable_is_named(unit: UnitBundle, name: str, content: str | None) -> None:
    """The error names the file, so that it can be laid down again."""
    path = unit.data / "identity" / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(KeyFileError, match=name.replace(".", r"\.")):
        load_identity(unit.data / "identity")


def test_missing_root_says_to_lay_the_bundle_again(tmp_path: Path) -> None:
    """Agent and uploader, which read the root alone, get the same words."""
    with pytest.raises(KeyFileError, match="lay the unit's bundle into"):
        load_root(tmp_path)
