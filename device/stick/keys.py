"""Two keys at a stick: that of the unit's certificate, which signs who speaks, and the identity that opens answers.

The identity is made here once and stays with the uploader's user; it opens what the school answers on a stick and
nothing else. It is no secret that would open footage. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from device.config import DeviceConfig
from protocol.durable import PRIVATE, Files, replace_file
from protocol.envelope import EnvelopeError, KeyIdentity, generate_x25519, parse_identities
from protocol.keyfiles import KeyFileError, read_secret
from protocol.pki import fingerprint, parse_credential

ANSWERS = "stick.key"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """The certificate's digest, and its key."""

    certificate: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def load_signer(config: DeviceConfig) -> Signer:
    """Read certificate and key; raise a `ProtocolError` or `OSError` that says what to do."""
    key = config.keys / "tls.key"
    try:
        certificate = config.certificate.read_bytes()
    except OSError as error:
        raise KeyFileError(
            f"{config.certificate}: {error.strerror}; let the unit join the school first, with: backrow device enroll"
        ) from None
    credential = parse_credential(certificate, read_secret(key).encode("ascii"), str(config.certificate))
    return Signer(certificate=fingerprint(credential.certificate), key=credential.key)


def load_identity(folder: Path, files: Files, *, random_bytes: Callable[[int], bytes] = os.urandom) -> KeyIdentity:
    """Give the identity that opens answers, made when there is none that can be read; raise `OSError`.

    Root, who may run this by hand, gives it to the folder's owner: the uploader's user must read it the next time.
    """
    path = folder / ANSWERS
    try:
        return parse_identities(read_secret(path))[0]
    except (KeyFileError, EnvelopeError):
        identity = generate_x25519(random_bytes=random_bytes)
    files.make_folder(folder)
    replace_file(path, f"{identity.encode()}\n".encode("ascii"), mode=PRIVATE, files=files)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    return identity
