"""The words for what was said of whose a recording is, and for what came of a claim.

Pure: gives texts to be translated, never translates.
"""

from __future__ import annotations

from controller.claims.claiming import Heard
from controller.claims.policy import Said
from controller.recordings.titles import mark

HEARD: dict[Heard, str] = {
    Heard.OWNED: mark("The recording is yours now."),
    Heard.ASKED: mark(
        "Your word is kept. When a second person has said that you taught then, the recording appears among yours, if "
        "there is one."
    ),
    Heard.NOTHING: mark(
        "No recording without an owner is known that you can have made there and then. A lesson travels here at night: "
        "look again tomorrow."
    ),
    Heard.TOO_OFTEN: mark("You have named several lessons today. Please go on tomorrow."),
}
SAID: dict[Said, str] = {
    Said.YES: mark("yes, it was me"),
    Said.SUBSTITUTE: mark("it was my substitute"),
    Said.NOT_ME: mark("it was not me"),
    Said.FREE_ROOM: mark("by the timetable nobody had a lesson in this room then"),
    Said.UNKNOWN_LESSON: mark("the timetable does not know the lesson that the unit named"),
    Said.OWNER_GONE: mark("whom the unit named was no teacher any more"),
    Said.UNANSWERED: mark("whoever was asked did not answer in time"),
    Said.CLAIMED: mark("I taught there, it is mine"),
    Said.ASKED: mark("I taught there, and a second person was asked"),
    Said.VOUCHED: mark("they taught there"),
    Said.REFUSED: mark("they did not teach there, or are no teacher any more"),
    Said.OVER: mark("nobody claimed it in time"),
}
"""Each line of the history, as its owner reads it after the name of who said it."""
