"""How wide the letters of Helvetica are (Adobe's font metrics), for all of WinAnsi, so that a text can be fitted.

Widths are thousandths of the font's size. Arial and Liberation Sans have the same. Kerning is left out: nobody kerns.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

_REGULAR = {
    191: "'",
    222: "ijl‚‘’",
    260: "|¦",
    278: " !,./:;I[\\]ft·ÌÍÎÏìíîï",
    333: "()-`r„ˆ‹“”˜›¡¨¯²³´¸¹",
    334: "{}",
    350: "•",
    355: '"',
    365: "º",
    370: "ª",
    389: "*",
    400: "°",
    469: "^",
    500: "Jcksvxyzšžçýÿ",
    537: "¶",
    556: "#$0123456789?L_abdeghnopqu€ƒ†‡–¢£¤¥§«µ»àáâãäåèéêëðñòóôõöùúûüþ",
    584: "+<=>~¬±×÷",
    611: "FTZŽ¿ßø",
    667: "&ABEKPSVXYŠŸÀÁÂÃÄÅÈÉÊËÝÞ",
    722: "CDHNRUwÇÐÑÙÚÛÜ",
    737: "©®",
    778: "GOQÒÓÔÕÖØ",
    833: "Mm",
    834: "¼½¾",
    889: "%æ",
    944: "Wœ",
    1000: "…‰Œ—™Æ",
    1015: "@",
}
_BOLD = {
    238: "'",
    278: " ,./I\\ijl‚‘’·ÌÍÎÏìíîï",
    280: "|¦",
    333: "!()-:;[]`ftˆ‹˜›¡¨¯²³´¸¹",
    350: "•",
    365: "º",
    370: "ª",
    389: "*r{}",
    400: "°",
    474: '"',
    500: "z„“”ž",
    556: "#$0123456789J_aceksvxy€ƒ†‡–š¢£¤¥§«¶»àáâãäåçèéêëýÿ",
    584: "+<=>^~¬±×÷",
    611: "?FLTZbdghnopquŽµ¿ßðñòóôõöøùúûüþ",
    667: "EPSVXYŠŸÈÉÊËÝÞ",
    722: "&ABCDHKNRUÀÁÂÃÄÅÇÐÑÙÚÛÜ",
    737: "©®",
    778: "GOQwÒÓÔÕÖØ",
    833: "M",
    834: "¼½¾",
    889: "%mæ",
    944: "Wœ",
    975: "@",
    1000: "…‰Œ—™Æ",
}
_UNKNOWN = 700
"""For letters of other scripts, which only SVG can show: about as wide as a capital."""


class Weight(Enum):
    """The two fonts of a card: the widths, and the letters that have each."""

    REGULAR = "regular"
    BOLD = "bold"


@cache
def _widths(weight: Weight) -> dict[str, int]:
    table = _REGULAR if weight is Weight.REGULAR else _BOLD
    return {letter: width for width, letters in table.items() for letter in letters}


def width_of(words: str, weight: Weight) -> float:
    """Give the width of a line of text, in sizes of its font."""
    widths = _widths(weight)
    return sum(widths.get(letter, _UNKNOWN) for letter in words) / 1000


def require_letters(words: str) -> bytes:
    """Give a text in WinAnsi; raises ValueError that names the first letter which is not in it."""
    for letter in words:
        if letter not in _widths(Weight.REGULAR):
            raise ValueError(
                f"{words!r}: the letter {letter!r} is none of western Europe's, which the PDF's font has; print the SVG"
            )
    return words.encode("cp1252")
