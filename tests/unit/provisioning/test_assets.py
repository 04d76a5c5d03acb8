"""The page libraries come from an integrity-pinned lock without addresses; catalogues compile when they are newer."""

from __future__ import annotations

import gettext
import json
import os
import shutil
from pathlib import Path

import pytest

from provisioning import catalogues
from provisioning.assets import CONTROLLER, WANTED, AssetsError, compile_catalogues, install_vendor

ASSETS = CONTROLLER / "assets"


def test_lock_names_every_package_by_integrity_and_by_no_address() -> None:
    """Whoever installs decides where from; what arrives is what was pinned."""
    lock = json.loads((ASSETS / "package-lock.json").read_text("utf-8"))
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert {name.removeprefix("node_modules/") for name in packages} == {"htmx.org", "@picocss/pico", "hls.js"}
    for name, facts in packages.items():
        assert facts["integrity"].startswith("sha512-"), name
        assert "resolved" not in facts, name
    for file in ("package-lock.json", "package.json", ".npmrc"):
        assert "://" not in (ASSETS / file).read_text("utf-8"), file


def test_installed_libraries_are_left_alone() -> None:
    """A second run changes nothing; every file that pages load is there, with its licence."""
    vendor = CONTROLLER / "static" / "vendor"
    assert install_vendor(ASSETS, vendor) is False
    assert {path.name for path in vendor.iterdir()} == {*WANTED.values(), ".installed"}


def test_refused_lock_is_said_and_installs_nothing(tmp_path: Path) -> None:
    """When npm refuses, its own words are told and no half-filled folder stays."""
    broken = tmp_path / "assets"
    shutil.copytree(ASSETS, broken)
    (broken / "package-lock.json").write_text("{}", "utf-8")
    with pytest.raises(AssetsError, match="npm ci"):
        install_vendor(broken, tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_catalogue_is_compiled_when_it_is_newer(tmp_path: Path) -> None:
    """An edited catalogue is compiled again, an old one is not; what comes out translates."""
    source = tmp_path / "es" / "LC_MESSAGES" / "messages.po"
    source.parent.mkdir(parents=True)
    source.write_bytes(catalogues.catalogue_path("es").read_bytes())
    assert compile_catalogues(tmp_path) == [source.with_suffix(".mo")]
    assert compile_catalogues(tmp_path) == []
    later = source.stat().st_mtime + 10
    os.utime(source, (later, later))
    assert compile_catalogues(tmp_path) == [source.with_suffix(".mo")]
    words = gettext.translation("messages", str(tmp_path), languages=["es"])
    assert words.gettext("My recordings") == "Mis grabaciones"
    assert words.ngettext("Space for %(num)d more school day", "Space for %(num)d more school days", 2).startswith(
        "Espacio para %(num)d días"
    )


def test_update_adds_new_words_and_drops_old_ones() -> None:
    """What nobody says any more goes, what is new waits for its translation, what stays keeps its own."""
    words = catalogues.extract_words()
    words.delete("My recordings")
    words.add("A text that is new", locations=[("somewhere.py", 0)])
    updated = catalogues.update_catalogue("es", words)
    assert updated.get("My recordings") is None
    assert list(catalogues.find_missing(updated, words)) == ["A text that is new"]
    assert updated.get("Units").string == "Equipos"


def test_committed_catalogues_are_what_the_command_writes() -> None:
    """Running the command on the committed sources changes no file."""
    words = catalogues.extract_words()
    for language in ("en", "es"):
        written = catalogues.encode_catalogue(catalogues.update_catalogue(language, words))
        assert written == catalogues.catalogue_path(language).read_bytes(), "run: python -m provisioning.catalogues"
