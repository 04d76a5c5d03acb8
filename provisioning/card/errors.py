"""What can be wrong with a wish for a card: always which option or column, what was expected, and what to do."""

from __future__ import annotations


class CardError(Exception):
    """A card cannot be made as it was asked for. `field` is an option's name without its dashes, or empty."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(f"--{field}: {words}" if field else words)
        self.field = field
        self.words = words
