"""The school's keys that a server needs, read once from the folder that `backrow provision keys init` made.

Says which file is missing or wrong. Never writes a key, and never needs the root's private half: keyring and
recipients come signed. The folder's files are listed in docs/ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from controller.errors import OperatorError
from protocol.documents import Keyring, Purpose, Recipients, Trust, verify_document
from protocol.envelope.keys import KeyIdentity, parse_identities
from protocol.errors import ProtocolError
from protocol.keyfiles import load_signing_key, load_verifying_key, read_secret
from protocol.pki import Credential, parse_credential
from protocol.signing import SigningKey


@dataclass(frozen=True)
class SchoolKeys:
    """What the controller signs with, opens with, and tells units to trust."""

    trust: Trust
    keyring_line: bytes
    recipients_line: bytes
    recipients: Recipients
    policy: SigningKey = field(repr=False)
    receipt: SigningKey = field(repr=False)
    lease: SigningKey = field(repr=False)
    epochs: Mapping[str, KeyIdentity] = field(repr=False)
    storage: Mapping[str, KeyIdentity] = field(repr=False)

    @property
    def storage_in_force(self) -> tuple[str, KeyIdentity]:
        """Give name and identity to which keys are re-wrapped now: the one with the newest name."""
        name = max(self.storage)
        return name, self.storage[name]

    @property
    def storage_identities(self) -> tuple[KeyIdentity, ...]:
        """Give all storage identities that still open something."""
        return tuple(self.storage.values())


def load_school_keys(folder: Path) -> SchoolKeys:
    """Read the folder; raise `OperatorError` that names the file that is missing, open to others, or wrong."""
    try:
        return _load(folder)
    except ProtocolError as error:
        raise OperatorError(f"the school's keys in {folder} cannot be used: {error}") from None
    except OSError as error:
        raise OperatorError(
            f"the school's keys cannot be read: {error}; make them with: backrow provision keys init --out {folder}"
        ) from None


def _load(folder: Path) -> SchoolKeys:
    root = Trust(root=load_verifying_key(folder / "root.pub"))
    keyring_line = (folder / "keyring").read_bytes()
    trust = Trust(root=root.root, keyring=verify_document(Keyring, keyring_line, root))
    recipients_line = (folder / "recipients").read_bytes()
    return SchoolKeys(
        trust=trust,
        keyring_line=keyring_line,
        recipients_line=recipients_line,
        recipients=verify_document(Recipients, recipients_line, trust),
        policy=_signing_key(folder, Purpose.POLICY, trust),
        receipt=_signing_key(folder, Purpose.RECEIPT, trust),
        lease=_signing_key(folder, Purpose.LEASE, trust),
        epochs=_identities(folder / "epochs"),
        storage=_identities(folder / "storage"),
    )


def _signing_key(folder: Path, purpose: Purpose, trust: Trust) -> SigningKey:
    path = folder / f"{purpose}.key"
    key = load_signing_key(path)
    if key.verifying not in trust.keys_for(purpose):
        raise OperatorError(
            f"{path}: the keyring does not name this key ({key.verifying.key_id}) for {purpose}: no unit would "
            "believe it; put the key back that the keyring names, or issue a new keyring"
        )
    return key


def _identities(folder: Path) -> dict[str, KeyIdentity]:
    found = {path.stem: parse_identities(read_secret(path))[0] for path in sorted(folder.glob("*.key"))}
    if not found:
        raise OperatorError(f"{folder}: expected at least one age identity <name>.key, got none")
    return found


def load_authority(folder: Path) -> Credential:
    """Read the school's CA with its private key: needed only to add units."""
    try:
        return parse_credential(
            (folder / "ca.pem").read_bytes(), read_secret(folder / "ca.key").encode("ascii"), f"{folder}/ca.pem"
        )
    except (OSError, ProtocolError) as error:
        raise OperatorError(f"the school's CA cannot be used: {error}") from None
