"""Says in the reader's language why a setting of consent was refused."""

from __future__ import annotations

from controller.auth.languages import gettext
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.consent.words import SETTINGS


def word_fault(refusal: ConsentRefusedError) -> str:
    """Say which field is wrong, why, and what to do."""
    wrong = refusal.wrong
    told, field = wrong.words(gettext), wrong.name(gettext)
    if wrong.field in SETTINGS:
        field = gettext(SETTINGS[wrong.field].title)
    if wrong.fault is Fault.REASON_MISSING:
        told = told._replace(detail=gettext("something asks for less than before"))
    return gettext("%(field)s: %(detail)s. What to do: %(remedy)s.", field=field, **told._asdict())
