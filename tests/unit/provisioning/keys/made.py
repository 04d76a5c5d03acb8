"""A folder of keys for tests, and `backrow provision keys` as a person types it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from click.testing import CliRunner, Result

from protocol.documents import Keyring, Recipients, Trust, verify_document
from protocol.envelope import generate_x25519
from protocol.keyfiles import load_verifying_key
from provisioning.commands import group
from provisioning.keys import make_school_keys, store_school_keys
from provisioning.keys.folder import Apart


def found_keys(folder: Path, now: datetime, *, weeks: int = 2, apart: Apart | None = None) -> Path:
    """Hold the ceremony of a made-up school at `now`."""
    keys = make_school_keys("Rosa Parks", ("box.example", "::1"), now=now, weeks=weeks, generate=generate_x25519)
    store_school_keys(folder, keys, apart=apart)
    return folder


def keys_command(*arguments: str | Path) -> Result:
    """Type `backrow provision keys …`; a traceback is never an answer."""
    result = CliRunner().invoke(group, ["keys", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def trust_of(folder: Path) -> Trust:
    """Verify the keyring as a unit does that pinned the root."""
    root = load_verifying_key(folder / "root.pub")
    return Trust(root=root, keyring=verify_document(Keyring, (folder / "keyring").read_bytes(), Trust(root=root)))


def recipients_of(folder: Path) -> Recipients:
    """Verify the recipients as a unit does that pinned the root."""
    return verify_document(Recipients, (folder / "recipients").read_bytes(), trust_of(folder))
