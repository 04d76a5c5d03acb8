"""Hashes and checks passwords with argon2id.

Knows no accounts. Checking against nobody takes as long as against somebody, so that time does not tell who has an
account. Defined by RFC 9106; the parameters are its second recommended option.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 4  # each takes 64 MiB
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$yW6sXYq0aN+D5TRaOkqebg$IzqpeW9TAgiu34Y6umGN/SXlEMJiBbZHC0akNUeZCe8"
"""The hash of a password that nobody knows, made with the parameters in use."""


@dataclass(frozen=True)
class Passwords:
    """One way of hashing; at most four run at a time, so that a flood of attempts does not fill the memory."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _turn: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE), repr=False)

    def hash(self, password: str) -> str:
        """Give the argon2id hash of a password, parameters and salt included."""
        with self._turn:
            return self.hasher.hash(password)

    def check(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password fits; with None it never does, after the same work."""
        with self._turn:
            try:
                self.hasher.verify(password_hash or NOBODY, password)
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self.hasher.check_needs_rehash(password_hash)
