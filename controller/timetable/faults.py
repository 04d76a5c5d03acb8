"""Words a refusal of the timetable for a page, in the reader's language."""

from __future__ import annotations

from controller.auth.languages import gettext
from controller.timetable.refusals import TimetableRefusedError


def word_fault(refusal: TimetableRefusedError) -> str:
    """Say which field is wrong, why, and what to do."""
    told = refusal.wrong.words(gettext)
    field = refusal.wrong.name(gettext)
    return gettext("%(field)s: %(detail)s. What to do: %(remedy)s.", field=field, **told._asdict())
