"""The school's keys as the controller reads them: whole, or refused with the file and what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from controller.errors import OperatorError
from controller.keys import load_authority, load_school_keys, tell_ends
from protocol.durable import destroy_file, replace_file
from protocol.errors import ProtocolError
from protocol.keyfiles import store_signing_key
from protocol.signing import SigningKey
from tests.lesson import BEGAN_AT
from tests.school import make_school


def test_newest_storage_identity_is_in_force(tmp_path: Path) -> None:
    """Of several storage identities the one with the newest name seals; all of them open."""
    school = make_school(tmp_path, now=BEGAN_AT)
    other = school.keys / "storage" / "2020-01-01.key"
    other.write_text((school.keys / "storage" / f"{BEGAN_AT:%Y-%m-%d}.key").read_text())
    other.chmod(0o600)
    keys = load_school_keys(school.keys)
    assert keys.storage_in_force[0] == f"{BEGAN_AT:%Y-%m-%d}"
    assert len(keys.storage_identities) == 2
    assert "AGE-SECRET-KEY" not in repr(keys)


def test_identities_are_those_of_the_folder_now(tmp_path: Path) -> None:
    """One that was destroyed opens nothing a moment later, one that came is there; what was asked for at one moment is
    whole, whatever is destroyed meanwhile."""
    folder = make_school(tmp_path, now=BEGAN_AT).keys / "storage"
    identities = load_school_keys(folder.parent).storage
    (first,) = identities
    text = (folder / f"{first}.key").read_text()
    store_private(folder / "2099-01-01.key", text)
    assert list(identities) == [first, "2099-01-01"]
    seen = identities.items()
    destroy_file(folder / f"{first}.key")
    assert (len(dict(seen)), list(identities), len(identities.values())) == (2, ["2099-01-01"], 1)
    with pytest.raises(KeyError):
        identities[first]
    store_private(folder / "2099-01-01.key", "rubbish")
    with pytest.raises(ProtocolError):
        len(identities)


def store_private(path: Path, text: str) -> None:
    """Write a file as secrets are written."""
    replace_file(path, text.encode())


def test_root_key_is_not_needed(tmp_path: Path) -> None:
    """The root's private half can be away: the server never needs it. The authority is needed only to add units."""
    school = make_school(tmp_path, now=BEGAN_AT)
    (school.keys / "root.key").unlink()
    (school.keys / "ca.key").unlink()
    load_school_keys(school.keys)
    with pytest.raises(OperatorError, match=r"ca\.key"):
        load_authority(school.keys)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda keys: (keys / "keyring").unlink(), "provision keys init"),
        (
            lambda keys: (keys / "receipt.key").chmod(0o644),
            r"receipt\.key: mode 644 lets others read it",
        ),
        (lambda keys: store_signing_key(keys / "lease.key", SigningKey.generate(), "lease"), "keyring does not name"),
        (lambda keys: (keys / "keyring").write_bytes((keys / "recipients").read_bytes()), "keyring"),
        (lambda keys: [path.unlink() for path in (keys / "storage").iterdir()], "at least one age identity"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(tmp_path: Path, spoil: Callable[[Path], object], words: str) -> None:
    """A file that is missing, open to others, replaced or of another kind stops the start, and is named."""
    school = make_school(tmp_path, now=BEGAN_AT)
    spoil(school.keys)
    with pytest.raises(OperatorError, match=words):
        load_school_keys(school.keys)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (timedelta(), ["Recipients: until 2027-02-22.", "Keyring: until 2028-11-"]),
        (
            timedelta(days=60),
            ["until 2027-02-22. After that day units refuse to record. Bring the root", "Keyring: until"],
        ),
        (timedelta(days=700), ["keys extend", "keys rotate settings"]),
    ],
)
def test_end_of_keyring_and_recipients_is_spoken_of(tmp_path: Path, after: timedelta, words: list[str]) -> None:
    """Always the day; six weeks before it, what to do."""
    keys = load_school_keys(make_school(tmp_path, now=BEGAN_AT).keys)
    told = list(tell_ends(keys, BEGAN_AT + after))
    assert [expected in line for expected, line in zip(words, told, strict=True)] == [True, True]
