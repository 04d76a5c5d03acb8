"""The school's own rules of consent: strict by default, and every step away from that known by its name.

Pure. A version of the rules is kept with who set it, when, and a reason for each loosening; forms and notices are made
of them. Defined in docs/protocol/consent.md ("The school's rules").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

MOST_SNAPSHOT_DAYS = 14
MOST_MARGIN_S = 1800
MOST_CLAIM_DAYS = 60
MOST_SEATS = 60


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One version of the rules. The defaults are the strictest that still let a lesson be recorded."""

    sound: bool = True
    """The microphone runs. Without it no voice needs an answer."""
    seats: bool = True
    """Somebody whose picture is refused and whose voice is granted may sit where the camera does not see."""
    most_seats: int = 6
    """So many such seats at the most; with more the lesson is not recorded."""
    objection: bool = False
    """Silence is taken for a yes to recording for the teacher's own eyes, and for nothing else."""
    each_time: bool = False
    """Only an answer for this very day counts; a refusal counts always."""
    adults: bool = True
    """Every adult of the class needs an answer of their own as well."""
    teacher_opts_in: bool = True
    principal_opts_in: bool = True
    second_person_confirms: bool = False
    """Somebody else confirms who claims a recording that nobody owns."""
    claim_days: int = 10
    """School days after which a recording that nobody claims is destroyed."""
    snapshot_days: int = 7
    """How long a unit may go by what it was told last."""
    margin_s: int = 300
    """How long before its beginning a press counts for a lesson, and how long after its end it may go on."""

    def __post_init__(self) -> None:
        """Refuse numbers out of their range, and what contradicts itself, naming the field."""
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name}: expected {least} to {most}, got {value}")
        if self.objection and self.each_time:
            raise ValueError("objection: silence cannot be a yes where each lesson needs an answer; choose one")


RANGES: Mapping[str, tuple[int, int]] = {
    "most_seats": (0, MOST_SEATS),
    "claim_days": (1, MOST_CLAIM_DAYS),
    "snapshot_days": (1, MOST_SNAPSHOT_DAYS),
    "margin_s": (0, MOST_MARGIN_S),
}

_LOOSER_WHEN_TRUE = frozenset({"seats", "objection"})
_LOOSER_WHEN_FALSE = frozenset(
    {"adults", "teacher_opts_in", "principal_opts_in", "each_time", "second_person_confirms"}
)
_LOOSER_WHEN_MORE = frozenset({"most_seats", "snapshot_days", "margin_s", "claim_days"})

STRICT = Rules()
PRESETS: Mapping[str, Rules] = {
    "strict": STRICT,
    "each_time": Rules(each_time=True),
    "objection": Rules(objection=True),
    "everybody_in_the_picture": Rules(seats=False, most_seats=0),
    "no_sound": Rules(sound=False),
}


PUPILS_TOO = "pupils"
"""What the first version opens beside its settings: before it only adults who accepted are recorded."""


def loosenings(old: Rules | None, new: Rules) -> tuple[str, ...]:
    """Name the settings in which new rules ask for less than old ones, in their order: each needs a reason.

    Without old ones only adults who accepted were recorded: then `PUPILS_TOO` is the first of them, and the settings
    are held against the strict ones. `sound` is one in both directions: switching it on records voices that it did not,
    switching it off records people whose voice was refused.
    """
    looser = tuple(field.name for field in fields(Rules) if _is_looser(field.name, old or STRICT, new))
    return looser if old else (PUPILS_TOO, *looser)


def _is_looser(name: str, old: Rules, new: Rules) -> bool:
    before, after = getattr(old, name), getattr(new, name)
    if before == after:
        return False
    if name in _LOOSER_WHEN_TRUE:
        return bool(after)
    if name in _LOOSER_WHEN_FALSE:
        return not after
    return after > before if name in _LOOSER_WHEN_MORE else True
