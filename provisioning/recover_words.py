"""The words of `backrow open` in the language of the terminal, and what each kind of loss is called.

What the formats themselves say of a fault (which chunk, which line, which bytes) and what the operating system says
stays English behind these words: it is for whoever looks for the cause, and is searched for as it stands.
"""

from __future__ import annotations

from protocol.envelope import (
    ArmorError,
    ArmorTruncatedError,
    EnvelopeError,
    HeaderError,
    HeaderMacError,
    NoMatchError,
    PayloadError,
    TrailingDataError,
    TruncatedError,
)
from protocol.words import load_words, mark

gettext = load_words().gettext

# The first class that fits decides.
_LOSSES: tuple[tuple[type[EnvelopeError], str], ...] = (
    (TrailingDataError, mark("more than the sealed file")),
    (TruncatedError, mark("cut short")),
    (ArmorTruncatedError, mark("cut short")),
    (PayloadError, mark("damaged")),
    (ArmorError, mark("damaged")),
    (HeaderMacError, mark("changed after sealing")),
    (NoMatchError, mark("no key opens it")),
    (HeaderError, mark("not a whole age file")),
)


def describe_loss(error: EnvelopeError) -> str:
    """Call a fault by its kind, in the terminal's language, and then by its own words."""
    if isinstance(error, NoMatchError) and "scrypt" in error.stanza_types:
        return gettext("the passphrase does not open it")
    kind = next(words for loss, words in _LOSSES if isinstance(error, loss))
    return f"{gettext(kind)}: {error}"
