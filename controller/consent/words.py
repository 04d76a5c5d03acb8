"""Words for the settings of consent, their presets and causes; texts to be translated.

A setting is told as what the school does, never as the name of a switch.
"""

from __future__ import annotations

from typing import NamedTuple

from controller.consent.models import Cause
from controller.consent.rules import PUPILS_TOO
from controller.recordings.titles import mark


class Told(NamedTuple):
    """What a setting is called, and what it means."""

    title: str
    meaning: str


SETTINGS: dict[str, Told] = {
    "sound": Told(
        mark("Sound is recorded"), mark("Without it the recording is silent, and nobody’s voice needs an answer.")
    ),
    "seats": Told(
        mark("There are seats out of the picture"),
        mark(
            "Who may be heard and not seen sits where the camera does not see, and the teacher checks that before each "
            "recording. Without such seats the lesson is not recorded."
        ),
    ),
    "most_seats": Told(
        mark("Most seats out of the picture"), mark("With more in one lesson than these it is not recorded.")
    ),
    "objection": Told(
        mark("Silence is a yes"),
        mark(
            "Who has not answered is recorded for the teacher’s own eyes, and for nothing else. Otherwise no answer is "
            "a no."
        ),
    ),
    "each_time": Told(
        mark("Each day needs an answer"),
        mark("Only an answer for that very day is a yes. A no counts always, whenever it was given."),
    ),
    "adults": Told(
        mark("Adults are asked as well"), mark("Aides, co-teachers and guests each need an answer of their own.")
    ),
    "teacher_opts_in": Told(
        mark("The teacher agrees first"), mark("Nobody’s lessons are recorded before they have said so themselves.")
    ),
    "principal_opts_in": Told(
        mark("The principal agrees first"), mark("No room of a site records before its principal has said so.")
    ),
    "second_person_confirms": Told(
        mark("Two people for a recording that nobody owns"),
        mark("Whoever claims such a recording is confirmed by somebody else."),
    ),
    "claim_days": Told(
        mark("School days to claim a recording"),
        mark(
            "Then a recording that nobody has claimed is destroyed. As many are given before to whoever is asked first."
        ),
    ),
    "snapshot_days": Told(
        mark("Days for which a unit may decide offline"),
        mark("When it has heard nothing new for so long, its button records no more."),
    ),
    "margin_s": Told(
        mark("Seconds before and after a lesson"),
        mark("So long before its beginning the button works already, and so long after its end a recording may go on."),
    ),
}
BEGINNING = {
    PUPILS_TOO: Told(
        mark("Lessons with pupils may be recorded"),
        mark("Until now only adults who accepted it are. Say what it is for."),
    )
}
PRESETS: dict[str, Told] = {
    "strict": Told(mark("Strict"), mark("A yes of everybody, and seats out of the picture for who is not to be seen.")),
    "each_time": Told(mark("Each time"), mark("As strict, and families answer for each day anew.")),
    "objection": Told(mark("Objection means no"), mark("Who says nothing is recorded for the teacher’s own eyes.")),
    "everybody_in_the_picture": Told(
        mark("No seats out of the picture"), mark("As strict, and one no to the picture is enough to record nothing.")
    ),
    "no_sound": Told(mark("Without sound"), mark("As strict, and silent: voices need no answer.")),
}
CAUSES: dict[Cause, str] = {
    Cause.EXAM: mark("A test"),
    Cause.COUNSELLING: mark("Counselling"),
    Cause.VISITORS: mark("Visitors"),
    Cause.EVENT: mark("An event"),
    Cause.OTHER: mark("Something else"),
}
