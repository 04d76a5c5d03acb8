"""Codes of forms: what is typed wrong is noticed, and said."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.forms.codes import (
    ALPHABET,
    CODE_CHARS,
    SEED_BYTES,
    Slip,
    Slipped,
    make_code,
    near_codes,
    read_code,
    spell_code,
)

seeds = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)


@given(seeds)
def test_code_is_read_as_it_is_spelt(seed: bytes) -> None:
    """On paper in two groups, typed in small letters, with a blank or a scanner's plain line."""
    code = make_code(seed)
    assert len(code) == CODE_CHARS
    for typed in (code, spell_code(code), spell_code(code).lower(), f"  {code[:3]} {code[3:]}\n"):
        assert read_code(typed) == code


@given(seeds)
def test_every_wrong_character_is_noticed(seed: bytes) -> None:
    """All 28 wrong ones at all eight places, the checking one included."""
    code = make_code(seed)
    for place in range(CODE_CHARS):
        for char in ALPHABET.replace(code[place], ""):
            typed = code[:place] + char + code[place + 1 :]
            assert read_code(typed) == Slipped(Slip.CHECK, got=typed)


@given(seeds)
def test_every_swap_of_two_characters_is_noticed(seed: bytes) -> None:
    """Of neighbours, and of any other two."""
    code = make_code(seed)
    for one, other in combinations(range(CODE_CHARS), 2):
        typed = list(code)
        typed[one], typed[other] = typed[other], typed[one]
        if code[one] != code[other]:
            assert isinstance(read_code("".join(typed)), Slipped)


@pytest.mark.parametrize("char", "01ILOAU$Ñß一")
def test_character_that_no_code_has_is_named_with_its_place(char: str) -> None:
    """Zero and O, one and I are in none; dashes are not counted."""
    found = read_code(f"BC-D{char}EFGH")
    assert found == Slipped(Slip.CHARACTER, 4, char)


def test_length_is_told() -> None:
    """A character that was left out, one too many, nothing at all."""
    code = make_code(bytes(range(SEED_BYTES)))
    assert read_code(code[1:]) == Slipped(Slip.LENGTH, got="7")
    assert read_code(f"{code}B") == Slipped(Slip.LENGTH, got="9")
    assert read_code(" - ") == Slipped(Slip.EMPTY)


@given(seeds, st.integers(0, CODE_CHARS - 1), st.sampled_from(ALPHABET))
def test_code_is_among_those_near_a_slip_of_it(seed: bytes, place: int, char: str) -> None:
    """So the one that was meant can be looked for, and the place be named."""
    code = make_code(seed)
    typed = code[:place] + char + code[place + 1 :]
    if typed != code:
        found = list(near_codes(typed))
        assert [near.place for near in found if near.code == code and not near.is_swap] == [place + 1]
        assert len(found) <= 2 * CODE_CHARS - 1
        assert all(read_code(near.code) == near.code for near in found)


@given(seeds, st.integers(0, CODE_CHARS - 2))
def test_code_is_among_those_near_a_swap_of_neighbours(seed: bytes, place: int) -> None:
    """The swap is named by the first of both places."""
    code = make_code(seed)
    typed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if typed != code:
        assert [near.place for near in near_codes(typed) if near.code == code and near.is_swap] == [place + 1]


def test_code_needs_enough_chance() -> None:
    """Too short a seed would make codes that can be guessed."""
    with pytest.raises(ValueError, match="expected 16 bytes or more, got 15"):
        make_code(bytes(15))
