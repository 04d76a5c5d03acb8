"""The root's part, taken out when something must be signed: from its folder, sealed with a passphrase or not.

Never writes, and gives nothing that does not fit its public half among the school's keys. Defined in
docs/protocol/keys.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from protocol.envelope import (
    EnvelopeError,
    KeyIdentity,
    NoMatchError,
    PassphraseIdentity,
    open_sealed,
    parse_identities,
)
from protocol.errors import ProtocolError
from protocol.keyfiles import load_verifying_key, parse_signing_key, read_secret
from protocol.pki import Credential, parse_credential
from protocol.signing import SigningKey
from provisioning.keys.errors import KeysError
from provisioning.keys.layout import KEEPER_KEY, ROOT_CA_KEY, ROOT_KEY, SEALED
from provisioning.keys.standing import read_keeper

Value = TypeVar("Value")


@dataclass(frozen=True)
class RootDoor:
    """Where the root's part lies, and how to ask for its passphrase; a passphrase is asked for once, when needed.

    `school` is the folder of the school's keys, whose public halves the secrets must fit.
    """

    school: Path
    folder: Path
    ask: Callable[[], bytes] = field(repr=False)

    def signing(self) -> SigningKey:
        """Give the key that signs keyring and recipients; raise `KeysError`."""
        key = _understood(lambda: parse_signing_key(self._read(ROOT_KEY), self._name(ROOT_KEY)))
        if key.verifying != _understood(lambda: load_verifying_key(self.school / "root.pub")):
            raise self._of_another_school(ROOT_KEY, "root.pub")
        return key

    def authority(self) -> Credential:
        """Give the root CA; raise `KeysError`."""
        pem, key = _read_bytes(self.school / "root-ca.pem"), self._read(ROOT_CA_KEY).encode("ascii")
        return _understood(lambda: parse_credential(pem, key, f"{self.school}/root-ca.pem with {self.folder}"))

    def keeper(self) -> KeyIdentity:
        """Give the identity that opens breach packs; raise `KeysError`."""
        (identity, *_) = _understood(lambda: parse_identities(self._read(KEEPER_KEY)))
        if str(identity.recipient) != read_keeper(self.school):
            raise self._of_another_school(KEEPER_KEY, "keeper.pub")
        return identity

    @cached_property
    def _passphrase(self) -> PassphraseIdentity:
        return PassphraseIdentity(self.ask())

    def _name(self, name: str) -> str:
        return str(self.folder / name)

    def _read(self, name: str) -> str:
        if (self.folder / name).exists():
            return _understood(lambda: read_secret(self.folder / name))
        sealed = self.folder / (name + SEALED)
        if not sealed.exists():
            raise KeysError(
                f"{self.folder}: expected {name} or {sealed.name}, found neither; say where the root's part lies with "
                "--root-folder"
            )
        try:
            return open_sealed(sealed.read_bytes(), [self._passphrase]).decode("ascii")
        except NoMatchError:
            raise KeysError(f"{sealed}: is sealed with another passphrase: type it again, word for word") from None
        except (EnvelopeError, UnicodeDecodeError, OSError) as error:
            raise KeysError(f"{sealed}: cannot be opened: {error}; take the other copy of the root's part") from None

    def _of_another_school(self, secret: str, public: str) -> KeysError:
        return KeysError(
            f"{self._name(secret)}: is not the secret of {self.school / public}: the root's part of another school, or "
            "of an older ceremony"
        )


def _understood(read: Callable[[], Value]) -> Value:
    try:
        return read()
    except ProtocolError as error:
        raise KeysError(str(error)) from None


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeysError(
            f"{path}: cannot be read: {error}; is this a folder of `backrow provision keys init`?"
        ) from None
