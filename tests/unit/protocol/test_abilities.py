"""The header in which a unit says what its release can."""

from __future__ import annotations

import pytest

from protocol.abilities import AbilitiesError, Ability, encode_abilities, parse_abilities


def test_abilities_survive_their_header() -> None:
    """What a unit of this release says is what a controller of this release reads."""
    assert parse_abilities(encode_abilities(Ability)) == frozenset(Ability)
    assert parse_abilities(encode_abilities([])) == frozenset()


def test_ability_that_nobody_knows_is_passed_over() -> None:
    """A unit of the next release can more; a name that only begins like a known one is none."""
    assert parse_abilities("flies, omits_sound") == {Ability.OMITS_SOUND}
    assert parse_abilities("omits_sound_not") == frozenset()


@pytest.mark.parametrize("text", ["omits_sound,flies", "Omits_sound", ", omits_sound", "omits_sound, ", "a" * 401, "ä"])
def test_header_of_another_form_is_refused(text: str) -> None:
    """It is refused whole, by its form."""
    with pytest.raises(AbilitiesError, match="expected names with a comma"):
        parse_abilities(text)
