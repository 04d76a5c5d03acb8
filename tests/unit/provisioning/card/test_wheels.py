"""The unit's libraries and the project as a wheel, also from an installed one; what the wheel carries along."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from provisioning.card.errors import CardError
from provisioning.card.wheels import fetch_wheels, make_own_wheel, repack
from provisioning.packaged import MACHINE, find_units
from tests.architecture.source import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is delivered."""
    return make_own_wheel(tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> dict[str, bytes]:
    """Read everything of a wheel but its own list."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_wheel_carries_units_machine_and_locks(wheel: Path) -> None:
    """A card can be made from an installed wheel: systemd's units, the machine's files and the lock are inside."""
    names = set(contents(wheel))
    for folder, inside in ((ROOT / "systemd", "systemd"), (MACHINE, "machine")):
        wanted = {f"provisioning/{inside}/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file()}
        assert wanted - names == set()
        assert len(wanted) >= 10
    assert {
        "provisioning/locks/card.txt",
        "provisioning/firstboot/begin",
        "provisioning/firstboot/backrow-firstboot.service",
    } <= names


def test_installed_wheel_makes_the_same_wheel_again(wheel: Path, tmp_path: Path) -> None:
    """What is put together from an installation is what was installed, and pip takes it."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (installed,) = importlib.metadata.distributions(path=[str(site)])
    info = next(site.glob("*.dist-info"))
    (info / "INSTALLER").write_text("pip\n", "ascii")
    again = repack(installed, tmp_path)
    assert contents(again) == contents(wheel)
    script = (
        f"import sys; sys.path.insert(0, {str(again)!r})\nimport provisioning.firstboot.plan as p; print(p.Step.ENROLL)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("enroll\n", "")


def test_units_are_found_in_a_checkout() -> None:
    """Here they lie at the top."""
    assert (find_units() / "backrow-recorder.service").is_file()


def test_libraries_that_cannot_be_fetched_leave_nothing_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an index the card is refused with pip's words, and the next try starts afresh."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CardError, match=r"libraries (cannot be fetched|are fetched by pip)"):
        fetch_wheels(tmp_path / "cache", "aarch64")
    assert list((tmp_path / "cache").iterdir()) == []
