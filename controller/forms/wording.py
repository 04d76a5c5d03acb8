"""Says what a form asks and what a notice tells, made of the facts. Pure: gives texts in the language of a `Speech`.

Each sentence is there because a setting makes it true. docs/runbooks/forms.md ("What the notice says") is its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from controller.devices.refusals import Say
from controller.forms.facts import FormFacts
from controller.forms.policy import Choice, choices_of
from controller.recordings.titles import mark


@dataclass(frozen=True)
class Speech:
    """One language: `say` gives a text in it, `days` a number of days."""

    say: Say
    days: Callable[[int], str]


class Section(NamedTuple):
    """A part of the notice."""

    title: str
    lines: tuple[str, ...]


class FormWords(NamedTuple):
    """Everything that form and notice say in one language."""

    title: str
    intro: tuple[str, ...]
    question: str
    boxes: tuple[tuple[Choice, str], ...]
    who_answers: str
    givers: tuple[str, str, str]
    closing: tuple[str, ...]
    signing: tuple[str, ...]
    contact_title: str
    contact: str
    version_word: str
    notice_title: str
    notice: tuple[Section, ...]


BOXES = {
    Choice.GRANTED: mark("Yes."),
    Choice.PICTURE: mark("Only the picture, not the voice."),
    Choice.VOICE: mark("Only the voice, not the picture."),
    Choice.REFUSED: mark("No."),
    Choice.WITHDRAWN: mark("I take back what I answered before."),
}
GIVERS = (mark("A guardian"), mark("The other guardian"), mark("The person named above"))


_SIGNING = (mark("Name"), mark("Date"), mark("Signature"))
_DAY_ASKED = (mark("For the day"),)


def word_form(facts: FormFacts, speech: Speech) -> FormWords:
    """Say everything in one language."""
    say = speech.say
    return FormWords(
        title=say(mark("May lessons be recorded?")),
        intro=tuple(_intro(facts, speech)),
        question=say(_question(facts)),
        boxes=tuple((choice, say(BOXES[choice])) for choice in choices_of(asks_voice=facts.sound)),
        who_answers=say(mark("Who answers")),
        givers=(say(GIVERS[0]), say(GIVERS[1]), say(GIVERS[2])),
        closing=tuple(_closing(facts, speech)),
        signing=tuple(say(each) for each in (_DAY_ASKED if facts.each_time else ()) + _SIGNING),
        contact_title=say(mark("Who can be asked")),
        contact=say(mark("You can ask the school office.")),
        version_word=say(mark("Form")),
        notice_title=say(mark("How lessons are recorded")),
        notice=tuple(Section(say(title), tuple(lines(facts, speech))) for title, lines in _SECTIONS),
    )


def _question(facts: FormFacts) -> str:
    if facts.sound:
        return mark("May the person named above be recorded in lessons, picture and voice?")
    return mark("May the person named above be filmed in lessons? No sound is recorded.")


def _intro(facts: FormFacts, speech: Speech) -> Iterator[str]:
    say = speech.say
    yield say(
        mark(
            "Teachers of our school can record their own lessons, to watch them and to teach better. A lesson is "
            "recorded only if the answers for everybody in the room allow it. The notice that comes with this form "
            "says the rest."
        )
    )
    yield _silence(facts, say)


def _closing(facts: FormFacts, speech: Speech) -> Iterator[str]:
    yield _holding(facts, speech)
    yield speech.say(mark("It can be taken back at any time, without a reason and without any disadvantage."))


def _silence(facts: FormFacts, say: Say) -> str:
    if facts.each_time:
        return say(mark("Each recording needs an answer for its very day; without one the answer is no."))
    if facts.objection:
        return say(
            mark(
                "Please return this form. Who does not return it is taken to have said yes to being recorded for the "
                "eyes of the teacher alone."
            )
        )
    return say(mark("Please return this form. Who does not return it is taken to have said no."))


def _holding(facts: FormFacts, speech: Speech) -> str:
    if facts.each_time:
        return speech.say(
            mark("A yes holds for the one day that is written on the form. A no holds until it is changed.")
        )
    return speech.say(
        mark(
            "A yes holds for %(days)s from the day on which the school enters it, unless another day is written on "
            "the form. A no holds until it is changed."
        ),
        days=speech.days(facts.holds_days),
    )


def _what(facts: FormFacts, speech: Speech) -> Iterator[str]:
    yield speech.say(
        mark(
            "At the back of the classroom stands a camera that belongs to the teacher. It records when somebody in the "
            "room presses its button, and a lamp is lit for as long as it does. Nothing is recorded before, nobody can "
            "start it from elsewhere, and nobody can watch while it records."
        )
    )
    yield speech.say(mark("It records picture and sound.") if facts.sound else mark("It records no sound."))


def _purpose(_facts: FormFacts, speech: Speech) -> Iterator[str]:
    yield speech.say(mark("So that teachers can watch their own lessons and teach better. For nothing else."))


def _viewers(_facts: FormFacts, speech: Speech) -> Iterator[str]:
    yield speech.say(
        mark(
            "The teacher whose lesson it is, and nobody else; there is no way to share a recording. Every viewing is "
            "written into a list that the teacher reads."
        )
    )
    yield speech.say(
        mark("Whoever has full control of the school’s server could open recordings. No program can prevent that.")
    )


def _asked(facts: FormFacts, speech: Speech) -> Iterator[str]:
    say = speech.say
    yield say(mark("Everybody in the room. The button refuses where one of the answers does not allow a recording."))
    yield _silence(facts, say)
    if facts.adults:
        yield say(mark("Adults who are in the room are asked as well."))
    else:
        yield say(mark("Adults who are in the room are not asked; a no of theirs counts."))
    if facts.teacher_opts_in:
        yield say(mark("The teacher of a lesson has to agree first."))
    if facts.principal_opts_in:
        yield say(mark("The principal of the school has to agree first."))
    yield say(
        mark(
            "Where two guardians do not agree, the no is heard. A pupil’s own no is heard, too. From the day on which "
            "a pupil comes of age the pupil’s own answer counts, and the guardians’ answers end."
        )
    )


def _meaning(facts: FormFacts, speech: Speech) -> Iterator[str]:
    say = speech.say
    if facts.sound:
        yield say(mark("After a no to the voice no lesson is recorded while this person is in the room."))
    if facts.seats:
        yield say(
            mark(
                "After a no to the picture alone this person sits where the camera does not see, or the lesson is not "
                "recorded."
            )
        )
    else:
        yield say(mark("After a no to the picture no lesson is recorded while this person is in the room."))


def _taking_back(facts: FormFacts, speech: Speech) -> Iterator[str]:
    say = speech.say
    yield _holding(facts, speech)
    yield say(
        mark(
            "An answer can be taken back at any time, without a reason and without any disadvantage: tell the school "
            "office. From then on it counts as a no. A camera that the school’s network does not reach goes by what "
            "it was told last for %(days)s at the most, and refuses afterwards."
        ),
        days=speech.days(facts.snapshot_days),
    )
    yield say(mark("Recordings that were made before are not erased by that. Ask the school about them."))


def _kept(facts: FormFacts, speech: Speech) -> Iterator[str]:
    say, days = speech.say, speech.days
    yield say(mark("A recording is kept until the teacher deletes it."))
    yield say(
        mark(
            "One that no teacher says is theirs is destroyed when %(days)s with school have passed. The teacher who is "
            "asked first has %(days)s with school for an answer before that."
        ),
        days=days(facts.claim_days),
    )
    yield say(
        mark(
            "For %(days)s a deletion can be taken back. Then the key is destroyed without which the recording cannot "
            "be opened."
        ),
        days=days(facts.delete_undo_days),
    )
    yield say(
        mark(
            "Two copies of the key can lie elsewhere for a while: in a backup of the server, which opens nothing after "
            "the next change of the server’s keys, every %(rotation)s; and in what was sealed on the camera, which "
            "opens nothing after the end of its week, %(epoch)s after its last day at the earliest."
        ),
        rotation=days(facts.storage_rotation_days),
        epoch=days(facts.epoch_end_days),
    )


def _readers(_facts: FormFacts, speech: Speech) -> Iterator[str]:
    yield speech.say(
        mark(
            "The school office. A teacher sees, for their own lessons, who has not answered and who sits where the "
            "camera does not see."
        )
    )


def _protection(_facts: FormFacts, speech: Speech) -> Iterator[str]:
    yield speech.say(
        mark(
            "Recordings are sealed in the camera before they are stored. Who steals the camera finds no picture, no "
            "sound and no pupil’s name."
        )
    )


_SECTIONS: tuple[tuple[str, Callable[[FormFacts, Speech], Iterator[str]]], ...] = (
    (mark("What is recorded"), _what),
    (mark("What for"), _purpose),
    (mark("Who can watch"), _viewers),
    (mark("Who is asked"), _asked),
    (mark("What a no means"), _meaning),
    (mark("How long an answer holds, and how it is taken back"), _taking_back),
    (mark("How long recordings are kept"), _kept),
    (mark("How they are protected"), _protection),
    (mark("Who knows the answers"), _readers),
)
