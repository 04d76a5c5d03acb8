"""Says why a mask is not taken, and what to do."""

from __future__ import annotations

from controller.masks.policy import Fault
from controller.recordings.titles import mark

FAULTS: dict[Fault, str] = {
    Fault.CORNERS_MALFORMED: mark(
        "Area %(area)d: expected two whole numbers for each corner and a comma between corners, like: 0 600, 300 600, "
        "300 1000."
    ),
    Fault.CORNERS_COUNT: mark("Area %(area)d: expected 3 to 20 corners. Add some, or make two areas of it."),
    Fault.OUTSIDE: mark("Area %(area)d: expected numbers from 0 to 1000. The picture ends at 1000."),
    Fault.SIDES_MEET: mark(
        "Area %(area)d: its sides cross or touch. Write the corners in the order in which you go around it, once."
    ),
    Fault.TOO_MANY: mark("There are more than 12 areas. Make fewer and larger ones."),
    Fault.REASON_MISSING: mark("Nothing would be hidden any more. Say why."),
    Fault.REASON_TOO_LONG: mark("The reason is longer than 300 characters. Shorten it."),
    Fault.NOTHING_CHANGES: mark("This is the mask that holds: nothing is to be done."),
    Fault.CHANGED_MEANWHILE: mark("Somebody changed the mask since you looked. Look at the one that holds now."),
}
