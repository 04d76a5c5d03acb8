"""The words for what a button does and why: one literal table of reasons. Pure: gives texts to be translated.

Each reason has a sentence and what to do about it. Neither speaks of a person beside the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from controller.consent.policy import Reason
from controller.recordings.titles import Verdict, mark
from controller.today.policy import (
    LESSONS_OVERLAP,
    NO_POLICY,
    NO_RULES,
    NO_UNIT,
    OTHERS_UNIT,
    POLICY_EXPIRED,
    Answer,
    Button,
    Coarse,
    Heard,
)


class Why(NamedTuple):
    """Why the button does what it does, and what to do about it."""

    sentence: str
    remedy: str


BUTTONS: Mapping[Button, Verdict] = {
    Button.WORKS: Verdict("good", mark("The button works")),
    Button.IF_SEATS_ARE_CHECKED: Verdict("watch", mark("Works once the seats are checked")),
    Button.REFUSES: Verdict("plain", mark("The button does not work")),
}
ADULTS_ALONE = Verdict("watch", mark("Works for adults alone"))
_OF_ADULTS_ALONE = ("adults_only", NO_RULES)
UNSURE = Verdict("watch", mark("Not certain"))
_TIMETABLE = mark("Ask the office to put the timetable right.")
_LISTS = mark("Ask the office to put the class list right.")
_IT = mark("Please tell IT.")
WHYS: Mapping[str, Why] = {
    Reason.BLACKOUT: Why(
        mark("Recording is switched off here at this time, for everybody."),
        mark("Nothing for you to do: it ends by itself. The office knows why."),
    ),
    Reason.ROOM_WRONG: Why(mark("What the unit was told is meant for another room."), _IT),
    Reason.NO_OWNER: Why(
        mark("Nobody would own the recording: the timetable names no leading teacher with an account, or two."),
        _TIMETABLE,
    ),
    Reason.CLASS_UNKNOWN: Why(mark("The timetable names no class that is in the class lists today."), _TIMETABLE),
    Reason.CLASS_EMPTY: Why(mark("No pupil is on the list of this class."), _LISTS),
    Reason.PERSON_UNKNOWN: Why(mark("Somebody is expected here of whom the school knows nothing."), _LISTS),
    Reason.TEACHER_NOT_IN: Why(
        mark("You have not said yes to recording your lessons."),
        mark("It is for you to decide. Your yes is given once, and you can take it back on any day."),
    ),
    Reason.PRINCIPAL_NOT_IN: Why(
        mark("Your principal has not said yes to recording."), mark("Ask your principal, if you want to record.")
    ),
    Reason.ADULT_REFUSES: Why(
        mark("Not every other adult in this lesson has said yes."),
        mark("The office knows whether an answer is missing. Everybody may say no."),
    ),
    Reason.VOICE_REFUSED: Why(
        mark("Not everybody’s voice may be recorded, and no seat is out of earshot."),
        mark("Where answers are missing, families can still give them. Where somebody said no, that holds."),
    ),
    Reason.PICTURE_REFUSED: Why(
        mark("Not everybody may be in the picture, and your school keeps no seats out of it."),
        mark("Where answers are missing, families can still give them. Where somebody said no, that holds."),
    ),
    Reason.TOO_MANY_SEATS: Why(
        mark("More pupils would have to sit out of the picture than your school’s rules allow."),
        mark("Where answers are missing, families can still give them. Where somebody said no, that holds."),
    ),
    Reason.SEATS: Why(
        mark("Not everybody may be in the picture."),
        mark(
            "Look that those below sit where the camera does not see. "
            "Then press, and hold the button when the lamp asks."
        ),
    ),
    Reason.EVERYBODY: Why(
        mark("Everybody who is expected said yes."), mark("Press when you want to begin. Nothing is recorded before.")
    ),
    "adults_only": Why(
        mark("This room is on trial: only adults who said yes may be recorded."),
        mark("Press only when no pupil and nobody else is in the room."),
    ),
    NO_RULES: Why(
        mark("Your school has set no rules yet: until it has, no lesson with pupils may be recorded."),
        mark("Press only when no pupil is in the room, and everybody who is has said yes."),
    ),
    "no_lesson": Why(mark("The unit of this room knows of no lesson then."), _TIMETABLE),
    "room_unknown": Why(mark("The school has not said in which room this unit stands."), _IT),
    "unit_cannot_leave_sound_out": Why(
        mark("Your school records without sound, and this unit cannot leave it out."), _IT
    ),
    "unit_cannot_hide_areas": Why(mark("This room has a mask, and its unit cannot hide parts of a picture."), _IT),
    NO_POLICY: Why(mark("The unit was told nothing yet."), _IT),
    POLICY_EXPIRED: Why(mark("What the unit was told is too old, and it goes by that no more."), _IT),
    LESSONS_OVERLAP: Why(mark("Two lessons of different teachers lie at the same time."), _TIMETABLE),
    "clock_not_trusted": Why(mark("The unit does not know what time it is, and so not whose lesson this is."), _IT),
    NO_UNIT: Why(mark("No unit stands in this room."), mark("Ask IT for one, if you want to record here.")),
    OTHERS_UNIT: Why(
        mark("This room is on trial, and what is recorded would belong to somebody else."),
        mark("Do not press: ask who owns the unit."),
    ),
}
"""Every reason that a decision, a snapshot or a unit can give, and those of this page."""
IN_SILENCE: Mapping[str, Why] = {
    Reason.SEATS: Why(
        mark("Not everybody may be in the picture. Voices need no answer, for no sound is recorded."),
        WHYS[Reason.SEATS].remedy,
    ),
    Reason.EVERYBODY: Why(mark("Everybody who is expected said yes to the picture."), WHYS[Reason.EVERYBODY].remedy),
}
"""What is said instead where no sound is recorded: nobody was asked for a voice."""
UNHEARD_OF = Why(mark("The unit gives a reason that this page does not know yet."), _IT)
FOR_OTHERS = Why(
    mark("Why, and who sits where, is shown to whoever leads the lesson."), mark("Ask the teacher who leads it.")
)
HEARD: Mapping[Heard, Verdict] = {
    Heard.CURRENT: Verdict("good", mark("The unit is reachable and knows the newest.")),
    Heard.ON_ITS_WAY: Verdict("watch", mark("The newest is on its way to the unit.")),
    Heard.AWAY: Verdict("plain", mark("The unit is not reachable since %(when)s. It goes by what it was told.")),
    Heard.BEHIND: Verdict(
        "watch",
        mark("The unit is not reachable since %(when)s and does not know the newest: its button may say otherwise."),
    ),
    Heard.NEVER: Verdict("watch", mark("The unit has never been in touch.")),
}
SILENT = mark("Picture only: no sound is recorded.")
UNFIT = mark("The unit says that something is wrong with it. Please tell IT.")
_GO_BY_THE_LAMP = mark("Go by the lamp: while it is dark, nothing is recorded.")
OPENLY: Mapping[Coarse, Why] = {
    Coarse.MAY: Why(
        mark("At this time a recording may be made here, if the teacher presses the button."),
        mark("Only the lamp tells whether one is being made."),
    ),
    Coarse.NO_LESSON: Why(mark("At this time nothing may be recorded here: no lesson is on."), _GO_BY_THE_LAMP),
    Coarse.BLACKOUT: Why(
        mark("At this time nothing may be recorded here: the school has switched recording off."), _GO_BY_THE_LAMP
    ),
    Coarse.NOT_SET_UP: Why(
        mark("This page cannot say: the camera is not set up, or this card is an old one."), _GO_BY_THE_LAMP
    ),
    Coarse.NOT_PERMITTED: Why(mark("At this time nothing may be recorded here: it is not permitted."), _GO_BY_THE_LAMP),
}
WHAT = mark(
    "picture and sound of this room, or the picture alone, from the press to the stop. Only the teacher of the lesson "
    "may watch it, until they share it."
)
WHAT_IN_SILENCE = mark(
    "the picture of this room, from the press to the stop; by the rules of this school no sound. Only the teacher of "
    "the lesson may watch it, until they share it."
)


def verdict(answer: Answer) -> Verdict:
    """Give the words for what the button does; one that works for adults alone is no button for a class."""
    if answer.button is not Button.REFUSES and answer.reason in _OF_ADULTS_ALONE:
        return ADULTS_ALONE
    return BUTTONS[answer.button]


def why(answer: Answer) -> Why:
    """Give the words for the reason of an answer; one of another release has words as well."""
    if not answer.sound and answer.reason in IN_SILENCE:
        return IN_SILENCE[answer.reason]
    return WHYS.get(answer.reason, UNHEARD_OF)
