"""The words of refusals: one table, each in every language, English where programs and consoles read them."""

from __future__ import annotations

from gettext import translation

import pytest

from controller.devices.models import DeviceState
from controller.devices.refusals import (
    FIELDS,
    STATE_NAMES,
    WORDS,
    ChangeRefusedError,
    Fault,
    in_english,
    name_field,
    word_refusal,
)
from provisioning.assets import compile_catalogues
from provisioning.catalogues import TRANSLATIONS

FACTS = {name: "42" for name in ("unit", "label", "got", "owner", "action", "expected", "state")} | {
    "number": 2,
    "most": 9,
}


@pytest.fixture(scope="module")
def spanish() -> dict[str, str]:
    """Give the texts of the Spanish catalogue."""
    compile_catalogues(TRANSLATIONS)
    catalogue = translation("messages", str(TRANSLATIONS), ["es"])
    texts = {text for words in WORDS.values() for text in words} | {*FIELDS.values(), *STATE_NAMES.values()}
    return {text: catalogue.gettext(text) for text in texts}


@pytest.mark.parametrize("fault", Fault)
def test_fault_is_worded_in_the_language_that_asks(fault: Fault, spanish: dict[str, str]) -> None:
    """Why and what to do, in words of the catalogue, with every fact put in."""
    facts = {**FACTS, "got": 4} if fault in (Fault.TEXT_TOO_LONG, Fault.TOO_MANY_TAGS) else FACTS
    refusal = ChangeRefusedError(fault, "why", **facts)
    told = word_refusal(refusal, lambda text, **values: in_english(spanish[text], **values))
    english = word_refusal(refusal, in_english)
    assert "%(" not in " ".join((*told, *english))
    assert all(said != meant for said, meant in zip(told, english, strict=True))
    assert str(refusal) == f"why: {english.detail}; {english.remedy}"
    assert name_field(refusal, spanish.__getitem__) == "Lo que se encontró"


def test_states_among_the_facts_are_worded_too(spanish: dict[str, str]) -> None:
    """A unit's state is no English word inside a Spanish sentence."""
    states = (DeviceState.ACTIVE, DeviceState.PENDING)
    refusal = ChangeRefusedError(Fault.STATE_FORBIDS, "state", expected=states, label="Aula 12", state=DeviceState.LOST)
    told = word_refusal(refusal, lambda text, **values: in_english(spanish[text], **values))
    assert "activo, pendiente" in told.detail
    assert "perdido" in told.detail
    assert str(refusal).startswith("state: expected a unit that is active, pending, got Aula 12, which is lost")


def test_field_of_no_form_is_called_as_it_was_sent() -> None:
    """A misspelt one is data."""
    assert name_field(ChangeRefusedError(Fault.FIELD_MISSING, "colour"), in_english) == "colour"
