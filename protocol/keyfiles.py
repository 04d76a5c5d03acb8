"""Key files of the school and of a unit: one secret a file, readable by its owner alone.

A signing key stands in its file as a comment and its seed in base64url; age identities stand in age's own form. A file
that others can read is refused, because a key that leaked silently is worse than a unit that says why it stops.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from protocol.durable import PRIVATE, REAL, Files, replace_file
from protocol.errors import ProtocolError
from protocol.signing import SignatureError, SigningKey, VerifyingKey

_OTHERS = 0o077


class KeyFileError(ProtocolError):
    """A key file is missing, open to others, or does not hold what it should."""


def read_secret(path: Path) -> str:
    """Read a file that only its owner may read; raise `KeyFileError` that says what to do otherwise."""
    try:
        found = path.stat()
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path}: cannot be read as a key file: {error}") from None
    mode = found.st_mode & 0o777
    if mode & _OTHERS and not _is_handed_over(found):
        raise KeyFileError(f"{path}: mode {mode:o} lets others read it; run: chmod 600 {path}")
    return text


def _is_handed_over(found: os.stat_result) -> bool:
    """Tell whether a file is as systemd hands over a credential (`LoadCredential=`).

    It is root's, nobody may write it, and one service's user reads it by an access list, whose mask `stat` shows as
    the right of root's own group.
    """
    return (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 0, 0o440)


def store_signing_key(path: Path, key: SigningKey, purpose: str, *, files: Files = REAL) -> None:
    """Write a signing key durably, with mode 600; `purpose` goes into the comment for whoever finds the file."""
    replace_file(path, encode_signing_key(key, purpose), mode=PRIVATE, files=files)


def encode_signing_key(key: SigningKey, purpose: str) -> bytes:
    """Give a signing key as its file holds it."""
    seed = base64.urlsafe_b64encode(key.seed).decode("ascii").rstrip("=")
    return f"# Backrow {purpose} signing key, public {key.verifying.encode()}\n{seed}\n".encode("ascii")


def load_signing_key(path: Path) -> SigningKey:
    """Read what `store_signing_key` wrote."""
    return parse_signing_key(read_secret(path), str(path))


def parse_signing_key(text: str, what: str) -> SigningKey:
    """Read what `encode_signing_key` gave; raise `KeyFileError` that names `what`."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    try:
        (seed,) = (base64.b64decode(line + "=", altchars=b"-_", validate=True) for line in lines)
        return SigningKey.from_seed(seed)
    except (ValueError, binascii.Error):
        raise KeyFileError(f"{what}: expected one line with a 32-byte seed in base64url, got {len(lines)}") from None


def load_verifying_key(path: Path) -> VerifyingKey:
    """Read a public signing key, one line of base64url."""
    try:
        return VerifyingKey.parse(path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError, SignatureError) as error:
        raise KeyFileError(f"{path}: cannot be read as a public key: {error}") from None
