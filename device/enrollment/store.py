"""The files of enrollment: keys in `identity/`, the certificate in `certificate/`, the one-time secret where it lies.

Every change is one durable replacement, so that a cut leaves the old or the new, and what a cut left beside is swept.
It makes keys and never sends one anywhere. Layout: docs/ARCHITECTURE.md, "The unit's files".
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from device.config import DeviceConfig
from device.enrollment.checking import Chain, Wanted, is_usable
from device.enrollment.plan import Fit
from protocol.durable import PRIVATE, SHARED, Files, replace_file, write_all
from protocol.errors import ProtocolError
from protocol.keyfiles import KeyFileError, load_signing_key, load_verifying_key, read_secret, store_signing_key
from protocol.pki import encode_certificates, parse_certificates, parse_key
from protocol.signing import SigningKey

LONGEST_SECRET_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where everything lies; `tls_key` may be handed over by the service manager, `secret` may be nowhere."""

    identity: Path
    certificate: Path
    tls_key: Path
    secret: Path | None = None

    @property
    def staged_key(self) -> Path:
        """Name the TLS key that has no certificate yet, while another one is in use."""
        return self.identity / "tls.key.next"

    @property
    def recorder_key(self) -> Path:
        """Name the recorder's key."""
        return self.identity / "recorder.key"

    @property
    def recorder_public(self) -> Path:
        """Name the public half of the recorder's key."""
        return self.identity / "recorder.pub"

    @property
    def staged_recorder_key(self) -> Path:
        """Name the key that shall follow the recorder's."""
        return self.identity / "recorder.key.next"


def places_of(config: DeviceConfig, secret: Path | None = None) -> Places:
    """Name the places of a unit."""
    return Places(
        identity=config.data / "identity",
        certificate=config.certificate,
        tls_key=config.keys / "tls.key",
        secret=secret,
    )


class EnrollmentStore:
    """The files of one unit; what cannot be read raises `KeyFileError`, `PkiError` or `OSError` and is not replaced."""

    def __init__(self, places: Places, device: str, files: Files) -> None:
        self.places = places
        self._device = device
        self._files = files

    # ---- what lies there ----

    def root(self) -> x509.Certificate:
        """Read the pinned X.509 root; raise `PkiError` or `OSError`."""
        path = self.places.identity / "ca.pem"
        return parse_certificates(path.read_bytes(), str(path))[0]

    def tls_key(self) -> ec.EllipticCurvePrivateKey:
        """Read the TLS key in use."""
        return _load_key(self.places.tls_key)

    def wanted_key(self) -> ec.EllipticCurvePrivateKey:
        """Read the TLS key for which a certificate is wanted: the staged one, if there is one."""
        return _load_key(self.places.staged_key if self.has_staged_key() else self.places.tls_key)

    def has_tls_key(self) -> bool:
        """Tell whether there is a TLS key."""
        return self.places.tls_key.exists()

    def has_staged_key(self) -> bool:
        """Tell whether a new TLS key waits for its certificate."""
        return self.places.staged_key.exists()

    def has_recorder_key(self) -> bool:
        """Tell whether there is a recorder's key."""
        return self.places.recorder_key.exists()

    def shows_recorder_key(self) -> bool:
        """Tell whether the public half lies there and fits."""
        try:
            return load_verifying_key(self.places.recorder_public) == self.recorder_key().verifying
        except KeyFileError:
            return False

    def recorder_key(self) -> SigningKey:
        """Read the recorder's key."""
        return load_signing_key(self.places.recorder_key)

    def certificate(self) -> Chain:
        """Read the certificate and its issuers; nothing when there is none that can be read."""
        try:
            return parse_certificates(self.places.certificate.read_bytes())
        except (FileNotFoundError, ProtocolError):
            return ()

    def fit(self) -> Fit:
        """Say what the certificate is worth."""
        chain = self.certificate()
        if not chain:
            return Fit.NONE
        if self.has_tls_key() and is_usable(self._wanted(self.tls_key()), chain):
            return Fit.OURS
        if self.has_staged_key() and is_usable(self._wanted(self.wanted_key()), chain):
            return Fit.STAGED
        return Fit.STRANGE

    def wanted(self) -> Wanted:
        """Describe the certificate that this unit can use."""
        return self._wanted(self.wanted_key())

    def _wanted(self, key: ec.EllipticCurvePrivateKey) -> Wanted:
        return Wanted(device=self._device, key=key.public_key(), root=self.root())

    def has_secret(self) -> bool:
        """Tell whether a one-time secret lies where it was said to be."""
        return self.places.secret is not None and self.places.secret.exists()

    def secret(self) -> str:
        """Read the one-time secret; nothing when there is none."""
        if self.places.secret is None:
            return ""
        try:
            with self.places.secret.open("rb") as file:
                return file.read(LONGEST_SECRET_BYTES).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return ""

    # ---- what is changed ----

    def sweep(self) -> None:
        """Remove drafts that a cut left: half a private key is nothing to keep."""
        for folder in (self.places.identity, self.places.certificate.parent):
            for path in sorted(folder.glob(".*.new")):
                self._files.unlink(path)

    def make_tls_key(self) -> None:
        """Make the TLS key."""
        self._store_key(self.places.identity / "tls.key")

    def stage_tls_key(self) -> None:
        """Make another TLS key beside the one in use, unless one waits already."""
        if not self.has_staged_key():
            self._store_key(self.places.staged_key)

    def keep_staged_key(self) -> None:
        """Put the staged key in the place of the one in use."""
        self._files.replace(self.places.staged_key, self.places.identity / "tls.key")
        self._files.sync_folder(self.places.identity)

    def make_recorder_key(self) -> None:
        """Make the recorder's signing key."""
        store_signing_key(self.places.recorder_key, SigningKey.generate(), "recorder", files=self._files)

    def show_recorder_key(self) -> None:
        """Write the public half of the recorder's key."""
        text = f"{self.recorder_key().verifying.encode()}\n"
        replace_file(self.places.recorder_public, text.encode("ascii"), mode=SHARED, files=self._files)

    def has_staged_recorder_key(self) -> bool:
        """Tell whether a key waits to follow the recorder's."""
        return self.places.staged_recorder_key.exists()

    def staged_recorder_key(self) -> SigningKey:
        """Read the key that waits to follow the recorder's."""
        return load_signing_key(self.places.staged_recorder_key)

    def stage_recorder_key(self) -> None:
        """Make a key to follow the recorder's, unless one waits already."""
        if not self.has_staged_recorder_key():
            path = self.places.staged_recorder_key
            store_signing_key(path, SigningKey.generate(), "recorder", files=self._files)

    def keep_staged_recorder_key(self) -> None:
        """Put the waiting key in the recorder's place, and its public half beside it."""
        self._files.replace(self.places.staged_recorder_key, self.places.recorder_key)
        self._files.sync_folder(self.places.identity)
        self.show_recorder_key()

    def put_certificate(self, chain: Iterable[x509.Certificate]) -> None:
        """Put a certificate and its issuers in the place of what lies there."""
        self._files.make_folder(self.places.certificate.parent)
        replace_file(self.places.certificate, encode_certificates(chain), mode=SHARED, files=self._files)

    def shred_secret(self) -> None:
        """Write over the one-time secret and remove it; a card may keep a copy of the block, which opens nothing."""
        path = self.places.secret
        if path is None or not path.exists():
            return
        descriptor = self._files.open(path, os.O_WRONLY)
        try:
            write_all(descriptor, bytes(path.stat().st_size), self._files)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)
        self._files.unlink(path)
        self._files.sync_folder(path.parent)

    def _store_key(self, path: Path) -> None:
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        replace_file(path, pem, mode=PRIVATE, files=self._files)


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    return parse_key(read_secret(path).encode("ascii"), str(path))
