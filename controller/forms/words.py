"""The words of the pages of forms: answers, givers, standings. Pure: gives texts to be translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.consent.answers import Giver, Standing
from controller.forms.policy import Choice
from controller.recordings.titles import Verdict, mark

if TYPE_CHECKING:
    from controller.forms.standing import PersonStand

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
FACTS = {
    "asked": mark("what for"),
    "sound": mark("whether sound is recorded"),
    "seats": mark("seats out of the picture"),
    "objection": mark("what silence means"),
    "each_time": mark("whether each time is asked"),
    "adults": mark("whether adults are asked"),
    "teacher_opts_in": mark("whether the teacher agrees first"),
    "principal_opts_in": mark("whether the principal agrees first"),
    "snapshot_days": mark("how long a unit goes by what it was told last"),
    "claim_days": mark("when what nobody claims is destroyed"),
    "holds_days": mark("how long a yes holds"),
    "delete_undo_days": mark("how long a deletion can be taken back"),
    "storage_rotation_days": mark("how often the server’s keys change"),
    "epoch_end_days": mark("when the keys of a week end"),
}


def verdict_of(held: PersonStand) -> Verdict:
    """Say how somebody stands."""
    if held.stand.why is Standing.GRANTED:
        return PARTLY.get(held.says, STANDINGS[Standing.GRANTED])
    return STANDINGS[held.stand.why]
