"""Which of two signed documents of one stream is the newer one, by `(generation, version)` alone; a fork is refused.

Verifies nothing: both lines have been. Defined in docs/protocol/manifest.md ("Signed documents").
"""

from __future__ import annotations

from enum import StrEnum

from protocol.documents import Document, DocumentError, peek_document
from protocol.signing import split_line


class Standing(StrEnum):
    """How a document that arrived stands to the one held."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"


def compare_documents(arrived: bytes, held: bytes | None, kind: type[Document]) -> Standing:
    """Compare two verified lines of one stream; raise `DocumentError` when they fork (same version, other content)."""
    if held is None:
        return Standing.NEWER
    new, old = peek_document(kind, arrived), peek_document(kind, held)
    if new.order == old.order and split_line(arrived).body != split_line(held).body:
        raise DocumentError(
            f"{kind.KIND}: two different documents carry generation {new.generation}, version {new.version}; "
            "the controller must issue a higher version"
        )
    if new.order == old.order:
        return Standing.SAME
    return Standing.NEWER if new.order > old.order else Standing.OLDER
