"""A folder of keys as it stands: its documents, verified by the root that it names, and its signing keys.

Reads and never writes. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from protocol.documents import Keyring, Purpose, Recipients, Trust, verify_document
from protocol.durable import Files, destroy_file
from protocol.envelope import parse_recipient
from protocol.errors import ProtocolError
from protocol.keyfiles import load_signing_key, load_verifying_key, read_secret
from protocol.pki import Credential, parse_certificates, parse_key
from protocol.signing import SigningKey
from provisioning.keys.errors import KeysError

NEXT = ".next"  # ends the name of a file that a rotation has made and not yet put in its place
RETIRED = "retired"
RETIRED_CA = "retired-ca"
DESTROYED = ".destroyed"  # ends the name of what protocol.durable is about to overwrite
OURS = ("epochs", RETIRED, RETIRED_CA)  # what is written here and not by the controller


@dataclass(frozen=True)
class Standing:
    """What stands in a folder of keys."""

    folder: Path
    trust: Trust
    keyring: Keyring
    recipients: Recipients

    def signing_key(self, purpose: Purpose) -> SigningKey:
        """Give the key that signs for a purpose now; raise `KeysError`."""
        return read_key(self.folder / f"{purpose}.key")

    def authority(self) -> Credential:
        """Give the issuing CA; of two certificates, in the middle of a rotation, the one of the key. `KeysError`."""
        return read_authority(self.folder / "ca.pem", self.folder / "ca.key")


def load_standing(folder: Path) -> Standing:
    """Read the documents and verify them against root.pub; raise `KeysError` that names the file."""
    try:
        root = Trust(root=load_verifying_key(folder / "root.pub"))
        keyring = verify_document(Keyring, (folder / Keyring.KIND).read_bytes(), root)
        recipients = verify_document(Recipients, (folder / Recipients.KIND).read_bytes(), root)
    except OSError as error:
        raise KeysError(f"{folder}: {error}; is this a folder of `backrow provision keys init`?") from None
    except ProtocolError as error:
        raise KeysError(f"{folder}: {error}; put the file back from the backup of the keys") from None
    return Standing(folder, Trust(root=root.root, keyring=keyring), keyring, recipients)


def read_key(path: Path) -> SigningKey:
    """Read a signing key; raise `KeysError`."""
    try:
        return load_signing_key(path)
    except ProtocolError as error:
        raise KeysError(f"{error}; put the file back from the backup of the keys") from None


def read_authority(certificate: Path, key: Path) -> Credential:
    """Read a CA's key and, out of the file of certificates, the one that fits; raise `KeysError`."""
    try:
        private = parse_key(read_secret(key).encode("ascii"), str(key))
        found = parse_certificates(certificate.read_bytes(), str(certificate))
    except (OSError, ProtocolError) as error:
        raise KeysError(f"{error}; put the file back from the backup of the keys") from None
    fitting = [one for one in found if one.public_key() == private.public_key()]
    if not fitting:
        raise KeysError(f"{certificate}: holds no certificate of the key in {key}; put both back from the backup")
    return Credential(fitting[0], private)


def read_certificate(path: Path) -> x509.Certificate:
    """Read the first certificate of a file; raise `KeysError`."""
    try:
        return parse_certificates(path.read_bytes(), str(path))[0]
    except (OSError, ProtocolError) as error:
        raise KeysError(f"{error}; put the file back from the backup of the keys") from None


def read_keeper(folder: Path) -> str:
    """Read the recipient to which breach packs are sealed; raise `KeysError`."""
    path = folder / "keeper.pub"
    try:
        text = path.read_text("ascii").strip()
        parse_recipient(text)
    except (OSError, UnicodeDecodeError, ProtocolError) as error:
        raise KeysError(f"{path}: expected one recipient: {error}; put the file back from the backup") from None
    return text


def sweep_drafts(folder: Path, files: Files) -> None:
    """Destroy what a cut left beside the files: drafts, which may hold a secret, and keys that were being destroyed.

    Not in storage/, and no ended epoch: those are the controller's, which may be at it now.
    """
    for place in (folder, *(folder / name for name in OURS)):
        for path in sorted(place.glob(".*.new")):
            destroy_file(path, files)
    for place in (folder / RETIRED, folder / RETIRED_CA):
        for path in sorted(place.glob(f".*{DESTROYED}")):
            destroy_file(path.with_name(path.name[1 : -len(DESTROYED)]), files)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let nobody else change the folder meanwhile: two keyrings of one version would be a fork. Raise `KeysError`.

    The folder itself is locked, so that nothing stays behind when this process is killed.
    """
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(place)
        raise KeysError(f"{folder}: somebody else is changing these keys; wait until their command has ended") from None
    try:
        yield
    finally:
        os.close(place)
