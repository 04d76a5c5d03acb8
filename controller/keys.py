"""The school's keys that a server needs, read from the folder that `backrow provision keys init` made.

Says which file is missing or wrong. Never writes a key, and never needs the root's private half: keyring and
recipients come signed. The folder's files are listed in docs/ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from controller.errors import OperatorError
from controller.identities import IdentityFolder
from protocol.documents import Keyring, Purpose, Recipients, Trust, verify_document
from protocol.envelope.keys import KeyIdentity
from protocol.errors import ProtocolError
from protocol.keyfiles import load_signing_key, load_verifying_key, read_secret
from protocol.pki import Credential, parse_certificates, parse_key
from protocol.signing import SigningKey

ROOT_CA = "root-ca.pem"
"""The file of the root CA's certificate: all that anybody of the school trusts in TLS."""

RETIRED_CA = "retired-ca"
"""The folder of issuing CAs that sign no more certificates, but still the lists of revoked ones: 1.pem, 1.key, …"""


SPOKEN_OF = timedelta(days=42)  # as long as somebody needs who has holidays and must fetch the root


@dataclass(frozen=True)
class SchoolKeys:
    """What the controller signs with, opens with, and tells units to trust."""

    trust: Trust
    root_ca_pem: bytes
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
        held = dict(self.storage.items())
        name = max(held)
        return name, held[name]

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


def tell_ends(keys: SchoolKeys, now: datetime) -> Iterator[str]:
    """Say until when recipients and keyring hold, and from six weeks before an end what to do."""
    assert keys.trust.keyring
    for what, document, command in (
        ("Recipients", keys.recipients, "extend"),
        ("Keyring", keys.trust.keyring, "rotate settings"),
    ):
        words = f"{what}: until {document.expires_at:%Y-%m-%d}."
        if document.expires_at - now > SPOKEN_OF:
            yield words
        else:
            after = (
                "After that day units refuse to record." if document is keys.recipients else "Then nothing is believed."
            )
            yield f"{words} {after} Bring the root: backrow provision keys {command}"


def _load(folder: Path) -> SchoolKeys:
    root = Trust(root=load_verifying_key(folder / "root.pub"))
    keyring_line = (folder / "keyring").read_bytes()
    trust = Trust(root=root.root, keyring=verify_document(Keyring, keyring_line, root))
    recipients_line = (folder / "recipients").read_bytes()
    return SchoolKeys(
        trust=trust,
        root_ca_pem=_anchor(folder / ROOT_CA),
        keyring_line=keyring_line,
        recipients_line=recipients_line,
        recipients=verify_document(Recipients, recipients_line, trust),
        policy=_signing_key(folder, Purpose.POLICY, trust),
        receipt=_signing_key(folder, Purpose.RECEIPT, trust),
        lease=_signing_key(folder, Purpose.LEASE, trust),
        epochs=_require_readable(IdentityFolder(folder / "epochs")),
        storage=_require_some(IdentityFolder(folder / "storage"), folder / "storage"),
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


def _require_readable(identities: IdentityFolder) -> IdentityFolder:
    """Look at every file; there may be none: epochs end, and what was delivered opens without them."""
    len(identities)
    return identities


def _require_some(identities: IdentityFolder, folder: Path) -> IdentityFolder:
    if not identities:
        raise OperatorError(f"{folder}: expected at least one age identity <name>.key, got none")
    return identities


def _anchor(path: Path) -> bytes:
    pem = path.read_bytes()
    if len(parse_certificates(pem, str(path))) != 1:
        raise OperatorError(f"{path}: expected the root CA's certificate and no other: whoever stands in it is trusted")
    return pem


def load_authority(folder: Path) -> Credential:
    """Read the issuing CA with its private key; raise `OperatorError`.

    While it is being replaced ca.pem holds two certificates for a moment; the one of the key is taken.
    """
    return _load_authority(folder / "ca.pem", folder / "ca.key")


def load_retired_authorities(folder: Path) -> tuple[Credential, ...]:
    """Read the issuing CAs before the present one, of which certificates may still be good, the oldest first."""
    numbered = [path for path in (folder / RETIRED_CA).glob("*.key") if path.stem.isdecimal()]
    found = sorted(numbered, key=lambda path: int(path.stem))
    return tuple(_load_authority(path.with_suffix(".pem"), path) for path in found)


def _load_authority(certificate: Path, key: Path) -> Credential:
    try:
        private = parse_key(read_secret(key).encode("ascii"), str(key))
        fitting = [
            one
            for one in parse_certificates(certificate.read_bytes(), str(certificate))
            if one.public_key() == private.public_key()
        ]
    except (OSError, ProtocolError) as error:
        raise OperatorError(f"the school's CA cannot be used: {error}") from None
    if not fitting:
        raise OperatorError(f"the school's CA cannot be used: {certificate} holds no certificate of the key in {key}")
    return Credential(fitting[0], private)
