"""The words of the pages of forms: answers, givers, standings. Pure: gives texts to be translated."""

from __future__ import annotations

from controller.consent.answers import Giver, Standing
from controller.forms.policy import Choice
from controller.recordings.titles import Verdict, mark

CHOICES = {
    Choice.GRANTED: mark("Yes"),
    Choice.PICTURE: mark("Only the picture"),
    Choice.VOICE: mark("Only the voice"),
    Choice.REFUSED: mark("No"),
    Choice.WITHDRAWN: mark("Taken back"),
}
GIVERS = {
    Giver.GUARDIAN_1: mark("A guardian"),
    Giver.GUARDIAN_2: mark("The other guardian"),
    Giver.SELF: mark("The person"),
}
STANDINGS = {
    Standing.GRANTED: Verdict("good", mark("Yes")),
    Standing.REFUSED: Verdict("plain", mark("No")),
    Standing.WITHDRAWN: Verdict("plain", mark("Taken back")),
    Standing.NOT_RETURNED: Verdict("watch", mark("Not returned")),
    Standing.EXPIRED: Verdict("watch", mark("Ended")),
}
PARTLY = {
    Choice.PICTURE: Verdict("good", CHOICES[Choice.PICTURE]),
    Choice.VOICE: Verdict("good", CHOICES[Choice.VOICE]),
    Choice.REFUSED: Verdict("plain", mark("Nothing on which all agree")),
}
BASES = {
    "paper": mark("on a form"),
    "table": mark("in a table"),
    "conversation": mark("in a conversation"),
    "letter": mark("by letter"),
    "carried_over": mark("carried over"),
    "slip": mark("a slip that was taken back"),
}
