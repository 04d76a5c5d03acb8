"""The words for a unit's state, its history and what can be done with it. Pure: gives texts to be translated."""

from __future__ import annotations

from controller.devices.models import DeviceState
from controller.devices.policy import Change, Finding
from controller.recordings.titles import mark

STATES = {
    DeviceState.PENDING: mark("Prepared, has not joined yet"),
    DeviceState.ACTIVE: mark("Active"),
    DeviceState.QUARANTINED: mark("Quarantined: it delivers nothing until somebody has looked at it"),
    DeviceState.RETIRED: mark("Retired: it delivers what it holds and wipes itself"),
    DeviceState.LOST: mark("Lost: it is let in no more"),
    DeviceState.REMOVED: mark("Removed: it was prepared and never joined"),
}
STATE_REASONS = {
    Finding.ROLLED_BACK.value: mark("An older copy of its card spoke: its counters are lower than they were."),
    Finding.REPEATED.value: mark("Two machines count the same start: there is a copy of its card."),
}
ACTIONS = {
    Change.IDENTIFY: mark("Let it blink"),
    Change.MOVE: mark("Move it"),
    Change.SWAP: mark("Let it take over a room"),
    Change.ACCEPT: mark("Accept it again"),
    Change.RETIRE: mark("Retire it"),
    Change.LOSE: mark("Declare it lost"),
    Change.REMOVE: mark("Remove it"),
}
CONSEQUENCES = {
    Change.IDENTIFY: mark(
        "Its lamp shows green, blue and white in turn for ten seconds, if nothing is recorded when it hears this."
    ),
    Change.MOVE: mark("It gets the place and the owner that you name. A new owner’s permission goes out at once."),
    Change.SWAP: mark(
        "It takes over label, room, site, tags and owner of the unit that you name, and that one gets its place. "
        "Print its room card anew."
    ),
    Change.ACCEPT: mark("It delivers again. Do this only when somebody has looked at it and knows why it was stopped."),
    Change.RETIRE: mark(
        "It records no more, delivers what it holds, and wipes itself after a day or more. This cannot be undone: "
        "it returns only with a new card."
    ),
    Change.LOSE: mark(
        "It is let in no more, from now on, and a sealed report for the keeper of the root is made on the server. "
        "This cannot be undone."
    ),
    Change.REMOVE: mark(
        "It never joined. Its one-time secret is void at once, and it is in no list any more; its history stays. "
        "This cannot be undone: the room gets a new card."
    ),
}
GRAVE = frozenset({Change.RETIRE, Change.LOSE, Change.REMOVE})
HAPPENINGS = {
    "added": mark("Added"),
    "prepared": mark("Prepared"),
    "secret_made": mark("One-time secret made"),
    "secret_reused": mark("Somebody else tried its one-time secret"),
    "hold_lifted": mark("Allowed to try again at once"),
    "adopted": mark("Adopted"),
    "enrolled": mark("Joined"),
    "renewed": mark("Certificate renewed"),
    "recorder_key": mark("Signing key registered"),
    "readopted": mark("Allowed to join anew"),
    "identified": mark("Let blink"),
    "moved": mark("Moved"),
    "took_over": mark("Took over a room"),
    "replaced": mark("Replaced by a spare"),
    "other_board": mark("Its card speaks from another board"),
    "quarantined": mark("Quarantined"),
    "accepted": mark("Accepted again"),
    "retired": mark("Retired"),
    "lost": mark("Declared lost"),
    "removed": mark("Removed"),
    "breach_pack": mark("Sealed report made"),
    "epoch_waived": mark("The end of an epoch did not wait for it"),
    "by_day": mark("Allowed to send by day"),
    "not_by_day": mark("No more allowed to send by day"),
}
