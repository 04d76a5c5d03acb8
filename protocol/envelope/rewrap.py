"""Puts another header on a sealed file without touching its body.

The file key, the payload nonce and every chunk stay as they are: only who can open the file changes. Whoever could open
the file before keeps what they have: an old header in a backup still opens with an old identity.
Defined by docs/protocol/envelope.md ("Re-wrapping").
"""

import os
from collections.abc import Callable, Iterable

from protocol.envelope.filekey import unwrap_file_key, wrap_file_key
from protocol.envelope.header import parse_header
from protocol.envelope.keys import Identity, Recipient


def rewrap(
    header: bytes,
    identities: Iterable[Identity],
    recipients: Iterable[Recipient],
    *,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """A header that wraps the same file key to `recipients`, in place of `header` (exactly its bytes, no body).

    Raises HeaderError, NoMatchError or HeaderMacError for the old header, RecipientsError for the new recipients.
    """
    file_key = unwrap_file_key(parse_header(header), identities)
    return wrap_file_key(file_key, recipients, random_bytes=random_bytes)
