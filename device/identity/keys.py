"""The keys that provisioning laid into `identity/`: the school's root, and the recorder's own signing key.

Loads, and says what is wrong with what it found; never makes or replaces a key. Layout: docs/ARCHITECTURE.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from protocol.keyfiles import KeyFileError, load_signing_key, load_verifying_key
from protocol.signing import SignatureError, SigningKey, VerifyingKey


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the recorder is and trusts."""

    root: VerifyingKey
    recorder: SigningKey = field(repr=False)


def load_root(folder: Path) -> VerifyingKey:
    """Read the pinned root from `identity/`; raise `KeyFileError` that says what to do."""
    path = folder / "root.pub"
    try:
        return load_verifying_key(path)
    except (KeyFileError, SignatureError) as error:
        raise KeyFileError(f"{error}; lay the unit's bundle into {folder} again") from None


def load_identity(folder: Path, keys: Path | None = None) -> Identity:
    """Read root and recorder key from `identity/`; raise `KeyFileError` that says what to do.

    `keys` is where the private key lies, when the service manager hands it over elsewhere (`LoadCredential=`).

    The public half beside the key must fit: a unit whose manifests nobody could verify must not record.
    """
    path = (keys or folder) / "recorder.key"
    root, recorder = load_root(folder), load_signing_key(path)
    try:
        public = load_verifying_key(folder / "recorder.pub")
    except SignatureError as error:
        raise KeyFileError(f"{error}; lay the unit's bundle into {folder} again") from None
    if public != recorder.verifying:
        raise KeyFileError(
            f"{path}: its public half is {recorder.verifying.key_id}, but recorder.pub says "
            f"{public.key_id}; the two come from different bundles: lay the unit's own bundle there again"
        )
    return Identity(root=root, recorder=recorder)
