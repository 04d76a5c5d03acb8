"""Locks: everything that is installed is pinned by hash, comes from no named address, and is known by its licence."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker

from tests.architecture.source import ROOT

LOCKS = sorted((ROOT / "provisioning/locks").glob("*.txt"))
NPM_LOCKS = [ROOT / "controller/assets/package-lock.json", ROOT / "tests/package-lock.json"]
REQUIREMENT = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^ ;]+)(?: ; (.+?))?((?: --hash=sha256:[0-9a-f]{64})+)")
INSTALLED_BY_USERS = ("device", "controller", "demo")


def requirements(path: Path) -> list[str]:
    """Give the requirements of a lock, one a string, continued lines joined."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def names(lock: str) -> set[str]:
    """Give the packages that a lock names."""
    found = (REQUIREMENT.fullmatch(line) for line in requirements(ROOT / "provisioning/locks" / f"{lock}.txt"))
    return {match[1] for match in found if match}


def test_locks_are_there() -> None:
    """There is a lock for the unit, the controller, the demo and development."""
    assert {path.stem for path in LOCKS} >= {"dev", "demo", "device", "controller"}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_requirement_is_pinned_by_version_and_hash(path: Path) -> None:
    """Each line is a name, one version, perhaps a marker, and hashes: no address, no file, no option."""
    lines = requirements(path)
    assert [line[:120] for line in lines if not REQUIREMENT.fullmatch(line)] == []
    assert lines
    assert not re.search(r"://|^-", path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_page_library_is_pinned_by_integrity_and_has_no_address(path: Path) -> None:
    """Each package of npm has an integrity hash and does not say where it was fetched."""
    packages = {name: entry for name, entry in json.loads(path.read_text("utf-8"))["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_locks_agree_on_every_version() -> None:
    """A package that stands in two locks has one version: what is tested is what is installed."""
    versions: dict[str, set[str]] = {}
    for path in LOCKS:
        for line in requirements(path):
            match = REQUIREMENT.fullmatch(line)
            if match:
                versions.setdefault(f"{match[1]} ; {match[3]}", set()).add(match[2])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_lock_of_a_card_is_the_units_for_its_python() -> None:
    """What rides on a card is what the unit's lock says for Python 3.13 of Linux, each with one version, no marker."""
    found = {path: [REQUIREMENT.fullmatch(line) for line in requirements(path)] for path in LOCKS}
    folder = ROOT / "provisioning/locks"
    environment = {"python_full_version": "3.13.5", "sys_platform": "linux", "platform_machine": "aarch64"}
    unit = [match for match in found[folder / "device.txt"] if match]
    wanted = {match[1]: match[2] for match in unit if not match[3] or Marker(match[3]).evaluate(environment)}
    card = [match for match in found[folder / "card.txt"] if match]
    assert {match[1]: match[2] for match in card} == wanted
    assert [match[3] for match in card if match[3]] == []


@pytest.mark.parametrize("extra", INSTALLED_BY_USERS)
def test_lock_holds_what_the_project_asks_for(extra: str) -> None:
    """Every dependency that pyproject.toml names for an extra stands in its lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"][extra]]
    wanted = {re.split(r"[<>=;\[ ]", requirement)[0].lower() for requirement in asked} - {"backrow"}
    assert wanted - names(extra) == set()


def test_every_package_that_users_install_is_named_with_its_licence() -> None:
    """THIRD_PARTY_NOTICES.md lists each locked package of unit, controller and demo, and the page libraries."""
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| ([\w.@/-]+) \| [^|]+ \| ([^|]+) \|$", notices, re.MULTILINE))
    pages = json.loads(NPM_LOCKS[0].read_text("utf-8"))["packages"]
    wanted = {name for lock in INSTALLED_BY_USERS for name in names(lock)}
    wanted |= {name.removeprefix("node_modules/") for name in pages if name}
    assert wanted - listed.keys() == set()
    assert [name for name, licence in listed.items() if not licence.strip()] == []
    assert "unknown" not in "".join(listed.values()).lower()
