"""Bech32 texts of any length, in which age writes its recipients and identities.

Decides only whether a text is well formed and what bytes it carries; what they mean is for `keys`.
Defined by BIP 173, without its limit of 90 characters (C2SP age.md, "Conventions").
"""

from collections.abc import Iterable, Iterator

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6


def encode_bech32(prefix: str, data: bytes) -> str:
    """The text of `data` under a human-readable prefix, in lower case."""
    values = list(_regroup(data, source_bits=8, target_bits=5))
    checksum = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM_LENGTH]) ^ 1
    values += [(checksum >> 5 * (5 - place)) & 31 for place in range(_CHECKSUM_LENGTH)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def parse_bech32(text: str) -> tuple[str, bytes]:
    """The prefix, in the case that it was written in, and the bytes of a Bech32 text.

    Raises ValueError, with a reason that repeats nothing of the text: it may be a secret.
    """
    if text != text.lower() and text != text.upper():
        raise ValueError("upper and lower case are mixed")
    prefix, separator, body = text.rpartition("1")
    if not (separator and prefix and all("!" <= character <= "~" for character in prefix)):
        raise ValueError("there is no prefix before a separating '1'")
    values = _parse_values(body.lower())
    if _polymod([*_expand(prefix.lower()), *values]) != 1:
        raise ValueError("the checksum is wrong: a character was mistyped or lost")
    return prefix, _join_bits(values[:-_CHECKSUM_LENGTH])


def _parse_values(body: str) -> list[int]:
    if len(body) < _CHECKSUM_LENGTH:
        raise ValueError(f"expected at least {_CHECKSUM_LENGTH} characters after the separating '1', got {len(body)}")
    unknown = next((place for place, character in enumerate(body) if character not in _VALUES), None)
    if unknown is not None:
        raise ValueError(f"character {unknown + 1} after the separating '1' is not of the Bech32 alphabet")
    return [_VALUES[character] for character in body]


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(values: Iterable[int]) -> int:
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            state ^= generator if (top >> place) & 1 else 0
    return state


def _regroup(values: Iterable[int], *, source_bits: int, target_bits: int) -> Iterator[int]:
    """Values of `source_bits` each as values of `target_bits`; an incomplete last one is filled with zeros."""
    pending, bits = 0, 0
    for value in values:
        pending, bits = (pending << source_bits | value) & 0xFFFF, bits + source_bits
        while bits >= target_bits:
            bits -= target_bits
            yield (pending >> bits) & ((1 << target_bits) - 1)
    if bits:
        yield (pending << (target_bits - bits)) & ((1 << target_bits) - 1)


def _join_bits(values: list[int]) -> bytes:
    length, spare_bits = divmod(len(values) * 5, 8)
    joined = bytes(_regroup(values, source_bits=5, target_bits=8))
    if spare_bits >= 5 or (spare_bits and joined[length]):
        raise ValueError("the bits that fill the last character are not zero")
    return joined[:length]
