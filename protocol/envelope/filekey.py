"""The file key of one file: wrap it to recipients, unwrap it with identities.

Decides which sets of recipients one file may have, and what "no match" is. Never stores a file key.
Defined by C2SP age.md ("File key", "Recipient stanza") and docs/protocol/envelope.md ("Recipients").
"""

from collections.abc import Callable, Iterable

from protocol.envelope.errors import HeaderError, NoMatchError, RecipientsError
from protocol.envelope.header import Header, encode_header
from protocol.envelope.keys import Identity, Recipient
from protocol.envelope.passphrase import STANZA_TYPE as SCRYPT
from protocol.envelope.passphrase import PassphraseRecipient


def wrap_file_key(file_key: bytes, recipients: Iterable[Recipient], *, random_bytes: Callable[[int], bytes]) -> bytes:
    """A header that wraps the file key to each recipient; raises RecipientsError for none or for mixed kinds."""
    chosen = tuple(recipients)
    if not chosen:
        raise RecipientsError("expected at least one recipient, got none: nobody could open the file")
    if len(chosen) > 1 and any(isinstance(recipient, PassphraseRecipient) for recipient in chosen):
        raise RecipientsError(f"expected a passphrase to be a file's only recipient, got {len(chosen)} recipients")
    if len({recipient.post_quantum for recipient in chosen}) > 1:
        raise RecipientsError(
            "expected recipients of one kind, got X25519 and hybrid ones together: "
            "whoever breaks the weaker kind would open the file"
        )
    return encode_header([recipient.wrap(file_key, random_bytes=random_bytes) for recipient in chosen], file_key)


def unwrap_file_key(header: Header, identities: Iterable[Identity]) -> bytes:
    """The file key, its header authenticated; raises HeaderError, NoMatchError or HeaderMacError."""
    _require_lone_scrypt(header)
    file_key = _find_file_key(header, identities)
    if file_key is None:
        raise NoMatchError(stanza_types=tuple(stanza.type for stanza in header.stanzas))
    header.verify_mac(file_key)
    return file_key


def _require_lone_scrypt(header: Header) -> None:
    if len(header.stanzas) > 1 and any(stanza.type == SCRYPT for stanza in header.stanzas):
        raise HeaderError(f"expected an scrypt stanza to be alone in its header, got {len(header.stanzas)} stanzas")


def _find_file_key(header: Header, identities: Iterable[Identity]) -> bytes | None:
    for identity in identities:
        for stanza in header.stanzas:
            file_key = identity.unwrap(stanza)
            if file_key is not None:
                return file_key
    return None
