"""What can be wrong with a sealed file, a recipient or an identity: one class for each thing to do next.

Each error carries its facts as attributes and says them in its message; none ever carries a secret or plaintext.
Defined by docs/protocol/envelope.md ("Failures").
"""

from protocol.errors import ProtocolError


class EnvelopeError(ProtocolError):
    """Something about a sealed file, or about a key for one, breaks the age format."""


class KeyTextError(EnvelopeError):
    """A text is not a recipient or an identity that this module knows."""


class RecipientsError(EnvelopeError):
    """A file may not be sealed to this set of recipients."""


class HeaderError(EnvelopeError):
    """The header breaks a rule of the format, or is of another format altogether."""


class HeaderTruncatedError(HeaderError):
    """The file ends before its first chunk could begin: nothing in it can be opened."""


class ArmorError(EnvelopeError):
    """The ASCII armor breaks a rule of the format."""


class ArmorTruncatedError(ArmorError):
    """The ASCII armor ends without its END line."""


class NoMatchError(EnvelopeError):
    """The header is well formed, but none of the identities opens any of its stanzas."""

    def __init__(self, *, stanza_types: tuple[str, ...]) -> None:
        self.stanza_types = stanza_types
        kinds = ", ".join(sorted(set(stanza_types)))
        super().__init__(
            f"no identity given opens this file; it is sealed to {len(stanza_types)} recipients ({kinds}): "
            "find the identity of one of them"
        )


class HeaderMacError(EnvelopeError):
    """An identity opens a stanza, but the header was changed after it was made."""

    def __init__(self) -> None:
        super().__init__("the header's MAC is wrong: an identity matches, but the header was changed after sealing")


class PayloadError(EnvelopeError):
    """The payload does not open all the way to its end; `whole_chunks` before the fault are authentic."""

    def __init__(self, message: str, *, whole_chunks: int) -> None:
        self.whole_chunks = whole_chunks
        super().__init__(message)


class ChunkError(PayloadError):
    """A chunk is damaged, or is not the chunk that belongs here."""

    def __init__(self, *, index: int, reason: str) -> None:
        self.index = index
        super().__init__(f"payload chunk {index} is damaged: {reason}", whole_chunks=index)


class TruncatedError(PayloadError):
    """The payload ends before its final chunk; `torn_bytes` after the last whole chunk open nothing."""

    def __init__(self, *, whole_chunks: int, torn_bytes: int) -> None:
        self.torn_bytes = torn_bytes
        super().__init__(
            f"the file ends without its final chunk: {whole_chunks} whole chunks can be opened, "
            f"the {torn_bytes} bytes after them cannot (the file was cut short, or its very end is damaged)",
            whole_chunks=whole_chunks,
        )


class TrailingDataError(PayloadError):
    """Bytes follow the final chunk; all of the payload before them is authentic."""

    def __init__(self, *, whole_chunks: int) -> None:
        super().__init__(
            f"data follows the final chunk: the {whole_chunks} chunks before it are whole, what follows is not sealed",
            whole_chunks=whole_chunks,
        )
