"""The record of the ceremony: what openssl and the files say themselves, and never a secret."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.envelope import PassphraseRecipient, generate_x25519
from provisioning.keys import make_school_keys, store_school_keys
from provisioning.keys.folder import Apart
from tests.unit.provisioning.keys.made import found_keys, keys_command

NOW = datetime.now(UTC)


def secrets_in(*folders: Path) -> list[str]:
    """Give every line of every secret."""
    paths = [path for folder in folders for path in folder.rglob("*.key")]
    return [line for path in paths for line in path.read_text().splitlines() if line[:1] not in "#-"]


def test_record_names_what_others_find_too(tmp_path: Path) -> None:
    """The fingerprints of the certificates are openssl's; both safes, names and a drill have a line."""
    keys = found_keys(tmp_path / "keys", NOW)
    printed = keys_command("record", "--keys", keys).output
    for name in ("root-ca.pem", "ca.pem"):
        command = ["openssl", "x509", "-in", str(keys / name), "-noout", "-fingerprint", "-sha256"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split("=")[1]
        digits = said.replace(":", "").lower()[:32]
        assert " ".join(digits[at : at + 4] for at in range(0, 32, 4)) in printed
    assert (keys / "keeper.pub").read_text().strip() in printed
    for words in ("Rosa Parks", "NOT sealed", "Witnessed by", "Second copy of the root's part", "Last drill"):
        assert words in printed
    assert not [secret for secret in secrets_in(keys) if secret in printed]


@pytest.mark.parametrize("sealed", [None, PassphraseRecipient(b"words", work_factor=4)], ids=["open", "sealed"])
def test_record_says_how_the_roots_part_is_kept(tmp_path: Path, sealed: PassphraseRecipient | None) -> None:
    """Sealed or not, and that it was not looked at when it was not brought."""
    keys = found_keys(tmp_path / "keys", NOW, apart=Apart(folder=tmp_path / "stick", passphrase=sealed))
    assert "was not at hand" in keys_command("record", "--keys", keys).output
    brought = keys_command("record", "--keys", keys, "--root-folder", tmp_path / "stick").output
    assert ("sealed with a passphrase" in brought) == bool(sealed)
    assert ("NOT sealed" in brought) == (not sealed)


def test_record_is_a_page_that_others_can_read(tmp_path: Path) -> None:
    """The PDF holds the same facts, by poppler; the SVG does; neither is written over another."""
    keys = found_keys(tmp_path / "keys", NOW)
    for ending in ("pdf", "svg", "txt"):
        out = tmp_path / f"record.{ending}"
        assert keys_command("record", "--keys", keys, "--out", out).exit_code == 0
        again = keys_command("record", "--keys", keys, "--out", out)
        assert again.exit_code == 1
        assert "never written over" in again.output
    read = subprocess.run(["pdftotext", "-layout", str(tmp_path / "record.pdf"), "-"], check=True, capture_output=True)
    for words in ("The keys of Rosa Parks", "root-ca.pem", "Witnessed by", (keys / "keeper.pub").read_text().strip()):
        assert words in read.stdout.decode()
        assert words in (tmp_path / "record.svg").read_text()


def test_record_of_a_school_whose_letters_the_pdf_lacks(tmp_path: Path) -> None:
    """The PDF says which letter and what to do; as text it is printed all the same."""
    made = make_school_keys("Школа 7", ("h",), now=NOW, weeks=1, generate=generate_x25519)
    store_school_keys(tmp_path / "keys", made)
    refused = keys_command("record", "--keys", tmp_path / "keys", "--out", tmp_path / "record.pdf")
    assert refused.exit_code == 1
    assert "or as .txt" in refused.output
    assert not (tmp_path / "record.pdf").exists()
    assert "Школа 7" in keys_command("record", "--keys", tmp_path / "keys").output


def test_record_in_another_form_is_refused(tmp_path: Path) -> None:
    """A name that says no form that there is."""
    result = keys_command("record", "--keys", found_keys(tmp_path / "keys", NOW), "--out", tmp_path / "record.doc")
    assert result.exit_code == 1
    assert "ends in .txt, .pdf or .svg" in result.output


def test_record_is_printed_in_the_schools_language(tmp_path: Path) -> None:
    """In Spanish every line for a hand is Spanish; a language that is not there is said."""
    keys = found_keys(tmp_path / "keys", NOW)
    printed = keys_command("record", "--keys", keys, "--language", "es").output
    for words in ("Las claves de Rosa Parks", "Testigo", "SIN sellar", "hasta"):
        assert words in printed
    assert "until" not in printed
    refused = keys_command("record", "--keys", keys, "--language", "xx")
    assert refused.exit_code == 1
    assert "--language: there is no catalogue of 'xx'" in refused.output


def test_record_into_a_missing_folder_names_option_folder_and_remedy(tmp_path: Path) -> None:
    """A stick that is not mounted is told in words, before anything is printed, and nothing is made."""
    keys = found_keys(tmp_path / "keys", NOW)
    out = tmp_path / "stick" / "record.pdf"
    result = keys_command("record", "--keys", keys, "--out", out)
    assert result.exit_code == 1
    for words in (f"--out {out}", f"no folder {out.parent}", f"mkdir -p {out.parent}", "mount"):
        assert words in result.output
    assert "Errno" not in result.output
    assert not out.parent.exists()
