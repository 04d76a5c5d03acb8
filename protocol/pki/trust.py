"""Whether a certificate chains to the pinned root CA, and for what.

Asks the verifier of `cryptography` (RFC 5280 path building); revocation and the registry are asked elsewhere. Defined
in docs/protocol/pki.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509 import verification

from protocol.pki.credential import PkiError
from protocol.pki.profile import general_name


def verify_client(
    root: x509.Certificate, leaf: x509.Certificate, chain: Sequence[x509.Certificate] = (), *, at: datetime
) -> None:
    """Accept a client's certificate that chains to `root` at that time; raise `PkiError` with the verifier's words."""
    verifier = _builder(root, at).build_client_verifier()
    try:
        verifier.verify(leaf, list(chain))
    except verification.VerificationError as error:
        raise _refusal(leaf, root, error) from None


def verify_server(
    root: x509.Certificate, leaf: x509.Certificate, chain: Sequence[x509.Certificate] = (), *, host: str, at: datetime
) -> None:
    """Accept a server's certificate for `host` that chains to `root` at that time; raise `PkiError` otherwise."""
    name = general_name(host)
    if not isinstance(name, (x509.DNSName, x509.IPAddress)):
        raise TypeError(f"a server has a name or an address, not {name}")
    try:
        _builder(root, at).build_server_verifier(name).verify(leaf, list(chain))
    except verification.VerificationError as error:
        raise _refusal(leaf, root, error) from None


def _builder(root: x509.Certificate, at: datetime) -> verification.PolicyBuilder:
    return verification.PolicyBuilder().store(verification.Store([root])).time(at)


def _refusal(leaf: x509.Certificate, root: x509.Certificate, error: Exception) -> PkiError:
    names = f"{leaf.subject.rfc4514_string()} does not chain to {root.subject.rfc4514_string()}"
    return PkiError(f"{names}: {error}")
