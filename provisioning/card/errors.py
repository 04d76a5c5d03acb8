"""What can be wrong with a wish for a card: always which option or column, what was expected, and what to do."""

from __future__ import annotations

import shutil


class CardError(Exception):
    """A card cannot be made as it was asked for. `field` is an option's name without its dashes, or empty."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(f"--{field}: {words}" if field else words)
        self.field = field
        self.words = words


def tell_cause(error: OSError) -> str:
    """Say why files could not be written, in one line: of a whole tree's failures the first."""
    if isinstance(error, shutil.Error):
        (_, path, words), *_others = error.args[0]
        return f"{path}: {words}"
    place = error.filename2 or error.filename  # of a copy the second is the one that was written
    return f"{place}: {error.strerror}" if place else str(error)
