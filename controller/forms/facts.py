"""What a form and a notice say, as values: the school's rules and the settings of the server, as they are now. Pure.

What is not built yet stands nowhere here: a form asks for what there is, and a notice says what is true today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from controller.config import Retention
from controller.consent.answers import Scope
from controller.consent.rules import Rules
from controller.forms.policy import HOLDS_DAYS

ASKED = (Scope.RECORD, Scope.SELF)
"""What a form asks for: to record, and that the teacher watches. Nobody else can watch anything yet."""


@dataclass(frozen=True, kw_only=True)
class FormFacts:
    """Everything of which form and notice are made, beside their words."""

    asked: tuple[Scope, ...]
    sound: bool
    seats: bool
    objection: bool
    each_time: bool
    adults: bool
    teacher_opts_in: bool
    principal_opts_in: bool
    snapshot_days: int
    claim_days: int
    holds_days: int
    delete_undo_days: int
    storage_rotation_days: int
    epoch_end_days: int


def facts_of(rules: Rules, retention: Retention) -> FormFacts:
    """Take what counts for families out of the settings."""
    return FormFacts(
        asked=ASKED,
        sound=rules.sound,
        seats=rules.seats and rules.most_seats > 0,
        objection=rules.objection,
        each_time=rules.each_time,
        adults=rules.adults,
        teacher_opts_in=rules.teacher_opts_in,
        principal_opts_in=rules.principal_opts_in,
        snapshot_days=rules.snapshot_days,
        claim_days=rules.claim_days,
        holds_days=HOLDS_DAYS,
        delete_undo_days=retention.delete_undo_days,
        storage_rotation_days=retention.storage_rotation_days,
        epoch_end_days=retention.epoch_end_days,
    )


def encode_facts(facts: FormFacts) -> dict[str, Any]:
    """Write facts as JSON takes them."""
    return {**asdict(facts), "asked": [scope.value for scope in facts.asked]}


def parse_facts(values: Mapping[str, Any]) -> FormFacts:
    """Read what `encode_facts` wrote, in this release or in another one.

    A fact that the other release did not know is as by default; one that only it knew is left out.
    """
    known = {each.name: values[each.name] for each in fields(FormFacts) if each.name in values}
    return replace(facts_of(Rules(), Retention()), **{**known, "asked": tuple(Scope(each) for each in values["asked"])})


def changed_facts(old: FormFacts, new: FormFacts) -> tuple[str, ...]:
    """Name the facts that differ."""
    return tuple(each.name for each in fields(FormFacts) if getattr(old, each.name) != getattr(new, each.name))
