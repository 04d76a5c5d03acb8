"""What a rule of the law is: its words for the documents, where it may lead, and the pure function that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from device.recorder.effects import Effect
from device.recorder.states import Event, Phase, State

Step: TypeAlias = tuple[State, tuple[Effect, ...]]


@dataclass(frozen=True)
class Rule:
    """One entry of the table: its words, where it may lead (nowhere: it stays), and what it does."""

    words: str
    leads_to: tuple[Phase, ...]
    apply: Callable[[State, Event], Step]

    def __call__(self, state: State, event: Event) -> Step:
        """Apply it."""
        return self.apply(state, event)


def rule(words: str, *leads_to: Phase) -> Callable[[Callable[[State, Event], Step]], Rule]:
    """Make a rule of a function."""
    return lambda apply: Rule(words, leads_to, apply)


@rule("nothing")
def stay(state: State, _event: Event) -> Step:
    """What the event means where the table names no rule for it."""
    return state, ()
