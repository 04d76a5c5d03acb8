"""Turns the crank of first boot: asks the plan, does the step, marks it; says at lamp, log and card how it went.

What is written to the boot partition (`backrow-result.txt`) is for whoever takes the card out: no secret stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioning.firstboot.data import attach, is_mounted
from provisioning.firstboot.machine import Machine, StepFailed
from provisioning.firstboot.plan import WORDS, Step, can_shine, next_step
from provisioning.firstboot.steps import BOOT, CARD, KEPT, STEPS, read_settings

RESULT = f"{BOOT}/backrow-result.txt"
COMPLETE = f"{KEPT}/complete"
WAITING, FAULT = "not_set_up", "fault"


def run(machine: Machine) -> int:
    """Go on with the first boot; give the exit status: 0 when it is through or the machine starts again."""
    step = None
    try:
        while step := _next(machine):
            machine.say(f"backrow first boot: {step}")
            if can_shine(step):
                machine.shine(WAITING)
            STEPS[step](machine, read_settings(machine))
            if step is Step.RESTART:
                return 0
            _mark(machine, step)
    except StepFailed as failed:
        _tell(machine, step, str(failed))
        if step and (can_shine(step) or step is Step.SELFTEST):
            machine.shine(FAULT)
        return 1
    machine.darken()
    _tell(machine, None, "")
    machine.write(COMPLETE, "")
    return 0


def _next(machine: Machine) -> Step | None:
    """Find out where the last boot was cut. Marks of another unit, left on the card, are none."""
    if machine.exists(f"{CARD}/settings.json") and not is_mounted(machine, "/data"):
        machine.say("backrow first boot: looking for the data partition")
        return Step.PARTITION
    attach(machine)
    return next_step(_read_marks(machine), machine.boot_id())


def _read_marks(machine: Machine) -> Mapping[str, str]:
    names = machine.names(f"{KEPT}/done")
    return {name: machine.read(f"{KEPT}/done/{name}").strip() for name in names if not name.startswith(".")}


def _mark(machine: Machine, step: Step) -> None:
    machine.settle()
    machine.make_folder(f"{KEPT}/done", 0o700)
    machine.write(f"{KEPT}/done/{step}", f"{machine.boot_id()}\n")


def _tell(machine: Machine, failed: Step | None, words: str) -> None:
    done = _read_marks(machine)
    lines = [f"done   {WORDS[step]}" for step in Step if step in done]
    if failed is not None:
        lines += [f"FAULT  {WORDS[failed]}: not yet", *(f"       {line}" for line in words.splitlines())]
        lines.append("It is tried again every 20 seconds, and after every start.")
    else:
        lines.append("This unit is ready.")
    text = "\n".join(lines) + "\n"
    machine.say(text)
    machine.write(RESULT, text)
