"""Which files the keys are, what each holds, and who may read it: the one table of names.

Gives content; writes nothing. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from protocol.documents import Document, Purpose, issue_document
from protocol.durable import PRIVATE
from protocol.envelope import KeyIdentity, PassphraseRecipient, seal
from protocol.keyfiles import encode_signing_key
from protocol.pki import Credential
from provisioning.keys.ceremony import RootPart, SchoolKeys
from provisioning.keys.epochs import EpochKey

PUBLIC = 0o644
ROOT_KEY, ROOT_CA_KEY, KEEPER_KEY = "root.key", "root-ca.key", "keeper.key"
ROOT_SECRETS = (ROOT_KEY, ROOT_CA_KEY, KEEPER_KEY)
SEALED = ".age"  # ends the name of a secret that is sealed with a passphrase


@dataclass(frozen=True)
class KeyFile:
    """One file: its name below the folder, its content, and its mode."""

    name: str
    content: bytes = field(repr=False)
    mode: int = PRIVATE


def root_files(root: RootPart, passphrase: PassphraseRecipient | None) -> Iterator[KeyFile]:
    """Give the root's secrets, sealed with the passphrase when there is one."""
    secrets = (
        (ROOT_KEY, encode_signing_key(root.signing, Purpose.ROOT.value)),
        (ROOT_CA_KEY, root.authority.key_pem()),
        (KEEPER_KEY, identity_text("keeper of the root, opens breach packs", root.keeper)),
    )
    for name, content in secrets:
        yield KeyFile(name, content) if passphrase is None else KeyFile(name + SEALED, seal(content, [passphrase]))


def root_public_files(root: RootPart) -> Iterator[KeyFile]:
    """Give the public halves of the root's part."""
    yield KeyFile("root.pub", f"{root.signing.verifying.encode()}\n".encode("ascii"), PUBLIC)
    yield KeyFile("root-ca.pem", root.authority.certificate_pem(), PUBLIC)
    yield KeyFile("keeper.pub", f"{root.keeper.recipient}\n".encode("ascii"), PUBLIC)


def server_files(keys: SchoolKeys) -> Iterator[KeyFile]:
    """Give what the server needs, secrets and documents."""
    for purpose, key in keys.signing.items():
        yield KeyFile(f"{purpose}.key", encode_signing_key(key, purpose.value))
    for epoch in keys.epochs:
        yield epoch_file(epoch)
    what = f"storage identity {keys.storage_name}"
    yield KeyFile(f"storage/{keys.storage_name}.key", identity_text(what, keys.storage))
    for name, credential in (("ca", keys.issuing), ("server", keys.server), ("bridge", keys.bridge)):
        yield from credential_files(name, credential)
    documents: tuple[Document, ...] = (keys.keyring, keys.recipients)
    for document in documents:
        yield KeyFile(document.KIND, issue_document(document, keys.root.signing), PUBLIC)


def credential_files(name: str, credential: Credential) -> Iterator[KeyFile]:
    """Give a certificate, with what it is presented with, and its key."""
    yield KeyFile(f"{name}.key", credential.key_pem())
    yield KeyFile(f"{name}.pem", credential.certificate_pem(), PUBLIC)


def epoch_file(key: EpochKey) -> KeyFile:
    """Give the identity of an epoch as age's own programs read it."""
    span = f"{key.epoch.begins_at:%Y-%m-%d} to {key.epoch.ends_at:%Y-%m-%d}"
    return KeyFile(f"epochs/{key.epoch.name}.key", identity_text(f"epoch {key.epoch.name}, {span}", key.identity))


def identity_text(what: str, identity: KeyIdentity) -> bytes:
    """Give an age identity as a file of identities, with a comment for whoever finds it."""
    return f"# Backrow {what}\n# public key: {identity.recipient}\n{identity.encode()}\n".encode("ascii")
