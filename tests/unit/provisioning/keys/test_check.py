"""`backrow provision keys check`: says when each thing ends, and what to do, before it is too late."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioning.keys.check import check_keys
from provisioning.keys.folder import Apart
from tests.unit.provisioning.keys.made import found_keys, keys_command

NOW = datetime.now(UTC)
KEEPER = "keeper.pub: no breach pack of a lost unit can be sealed"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The keys of a school, its root kept apart."""
    return found_keys(tmp_path / "keys", NOW, weeks=12, apart=Apart(folder=tmp_path / "stick"))


def remedies(keys: Path, after: timedelta = timedelta()) -> dict[str, str]:
    """Give what is to do, by what it concerns."""
    return {finding.what: finding.remedy for finding in check_keys(keys, NOW + after) if finding.remedy}


def test_fresh_keys_need_nothing(keys: Path) -> None:
    """Right after the ceremony nothing is to do, everything with an end says it, and the status is 0."""
    result = keys_command("check", "--keys", keys)
    assert result.exit_code == 0, result.output
    assert "->" not in result.output
    listed = ("keyring", "recipients", "root-ca.pem", "ca.pem", "server.pem", "bridge.pem")
    ends = {finding.what.split(",")[0]: finding.ends_at for finding in check_keys(keys, NOW)}
    assert all(ends[name] for name in listed)
    assert len([name for name in ends if name.startswith("epoch ")]) == 13


@pytest.mark.parametrize(
    ("after", "what", "words"),
    [
        (timedelta(days=60), "recipients, version 1", "backrow provision keys extend"),
        (timedelta(days=95), "recipients, version 1", "IT IS OVER. "),
        (timedelta(days=397 - 40), "server.pem", "backrow provision keys rotate server"),
        (timedelta(days=397 - 40), "bridge.pem", "backrow provision keys rotate bridge"),
        (timedelta(days=4 * 365 + 1), "ca.pem", "backrow provision keys rotate ca"),
        (timedelta(days=3 * 365 - 40), "keyring, version 1", "backrow provision keys rotate"),
    ],
)
def test_end_that_comes_is_spoken_of_with_its_command(keys: Path, after: timedelta, what: str, words: str) -> None:
    """Weeks before it, for documents and certificates; a year before it, for an authority."""
    assert words in remedies(keys, after)[what]


@pytest.mark.parametrize(
    ("spoil", "what", "words"),
    [
        (lambda keys: (keys / "keyring").write_bytes(b"x"), "the documents", "keyring: expected one line"),
        (lambda keys: (keys / "lease.key").unlink(), "lease.key", "lease.key: cannot be read"),
        (lambda keys: (keys / "ca.key").unlink(), "authorities", "ca.key: cannot be read"),
        (lambda keys: (keys / "server.key").chmod(0o644), "server.pem", "chmod 600"),
        (lambda keys: next((keys / "storage").iterdir()).unlink(), "storage", "no identity"),
        (lambda keys: (keys / "keeper.pub").write_bytes(b"\xff"), KEEPER, "keeper.pub: expected"),
        (lambda keys: (keys / "keeper.pub").unlink(), KEEPER, "keeper.pub: expected"),
        (lambda keys: (keys / "policy.key.next").write_text("x"), "policy.key.next", "finish it"),
    ],
    ids=["keyring", "lease", "ca", "server", "storage", "keeper", "no keeper", "cut"],
)
def test_what_is_missing_or_wrong_is_named(keys: Path, spoil: Callable[[Path], object], what: str, words: str) -> None:
    """Whatever cannot be used is a finding with its file, and the status is 1."""
    spoil(keys)
    assert words in remedies(keys)[what]
    assert keys_command("check", "--keys", keys).exit_code == 1


def test_epoch_whose_identity_is_missing_is_an_alarm(keys: Path) -> None:
    """While units seal to it; once it has ended, a missing identity is how it should be."""
    (first, *_) = sorted((keys / "epochs").iterdir())
    first.unlink()
    assert "nothing opens it" in remedies(keys)[f"epoch {first.stem}"]
    assert not [what for what in remedies(keys, timedelta(days=21)) if first.stem in what]


def test_root_beside_the_servers_keys_is_spoken_of(tmp_path: Path) -> None:
    """Where init left it without options, it says to move it away."""
    assert "move it off this machine" in " ".join(remedies(found_keys(tmp_path / "all", NOW)).values())


@pytest.mark.parametrize(
    "after", [timedelta(days=days) for days in (60, 397 - 40, 3 * 365 - 40)], ids=["weeks", "year", "keyring"]
)
def test_remedy_can_be_pasted(tmp_path: Path, after: timedelta) -> None:
    """Every command that is given for something that ends is one that runs, in folders whose names have blanks."""
    stick = tmp_path / "a stick"
    keys = found_keys(tmp_path / "the keys", NOW - after, weeks=12, apart=Apart(folder=stick))
    given = [finding.remedy for finding in check_keys(keys, NOW, stick) if finding.remedy]
    runnable = [remedy for remedy in given if "backrow provision keys" in remedy]
    assert runnable
    for remedy in runnable:
        command = shlex.split(remedy[remedy.index("backrow provision keys") :])
        result = keys_command(*command[3:])
        assert result.exit_code == 0, result.output


def test_remedy_of_a_cut_rotation_finishes_it(keys: Path, tmp_path: Path) -> None:
    """The old key that is still believed, too, goes by the command that names it; both are printed with the folders."""
    stick = tmp_path / "stick"
    first = keys_command("rotate", "lease", "--keys", keys, "--root-folder", stick).output
    (said,) = [line.strip() for line in first.splitlines() if line.startswith("  backrow")]
    checked = keys_command("check", "--keys", keys, "--root-folder", stick).output
    assert said in checked
    assert keys_command(*shlex.split(said)[3:]).exit_code == 0
    assert "->" not in keys_command("check", "--keys", keys).output


def test_remedy_says_that_the_root_is_to_be_named(keys: Path) -> None:
    """Where `check` was not told where the root lies, the option stands there and waits for the folder."""
    remedy = remedies(keys, timedelta(days=60))["recipients, version 1"]
    assert remedy.endswith(f"--keys {keys} --root-folder FOLDER-OF-THE-ROOT")
