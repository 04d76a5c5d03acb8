"""The order of first boot, and which step is next: pure, so that every cut between two steps can be asked about.

A step that was done has left a mark, which says in which boot; the restart leaves none: it is done when the machine
runs in another boot than the one in which the root partition was made to forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Step(StrEnum):
    """What is done once, in this order."""

    PARTITION = "partition"
    PACKAGES = "packages"
    PROGRAM = "program"
    FILES = "files"
    NETWORK = "network"
    ENROLL = "enroll"
    CLEAN = "clean"
    PROTECT = "protect"
    RESTART = "restart"
    SELFTEST = "selftest"


WORDS = {
    Step.PARTITION: "The data partition is laid out",
    Step.PACKAGES: "The system's packages are there",
    Step.PROGRAM: "The program and its libraries are installed",
    Step.FILES: "Settings, services and the school's documents are in place",
    Step.NETWORK: "The network's settings are in place",
    Step.ENROLL: "The school knows this unit's key, and gave it a certificate",
    Step.CLEAN: "Secret, passwords and everything else of this card's preparation are erased",
    Step.PROTECT: "The root partition is protected, and the services are switched on",
    Step.RESTART: "The unit has started again",
    Step.SELFTEST: "The unit has tested itself",
}
SHOWN_FROM = Step.NETWORK
"""From this step on there is a program that can light the lamp."""

Marks = Mapping[str, str]
"""The steps that were done, each with the boot id of the boot that did it."""


def next_step(done: Marks, boot: str) -> Step | None:
    """Give the step to do now, or None when first boot is through."""
    for step in Step:
        if step is Step.RESTART:
            if done[Step.PROTECT] == boot:
                return step
        elif step not in done:
            return step
    return None


def can_shine(step: Step) -> bool:
    """Tell whether first boot can light the lamp in this step: program and wiring are there, the recorder not yet."""
    order = list(Step)
    return order.index(SHOWN_FROM) <= order.index(step) < order.index(Step.RESTART)
