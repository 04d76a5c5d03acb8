"""`backrow device selftest`: looks at the unit, rehearses a lesson, and keeps the outcome for the health report.

It gives way at once when the camera runs, and keeps nothing of having been put off: nobody learns from it when a room
records (promise P7). The rehearsal is erased whatever happens.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from device.asked import believed_now
from device.claims import CAMERA, is_claimed
from device.config import DeviceConfig
from device.hardware.clock import SystemClock
from device.hardware.disk import SystemDisk
from device.hardware.ports import HardwareError
from device.health.selftested import Outcome, store_outcome
from device.media.errors import MediaError
from device.recorder.begin import CannotBegin
from device.selftest.rehearsal import CARD, FPS, SECONDS, SOFTWARE, Rehearsal, Stage
from device.selftest.report import Report, Result, StepFailed, Verdict, describe_report, encode_report
from device.selftest.steps import Look, look_at, scratch_folder
from device.wiring.sources import make_rehearsal_camera
from device.world import REAL_WORLD, World
from protocol.durable import REAL
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)


class PutOff(Exception):
    """The unit is in use."""


class Step(NamedTuple):
    """One step: its name for scripts, its words, what it does, and whether its fault ends what comes after."""

    name: str
    title: str
    perform: Callable[[], str]
    of_rehearsal: bool = False


def run_selftest(config: DeviceConfig, *, as_json: bool) -> tuple[str, int]:
    """Test the unit; give the report and the exit status. Raises `OSError` when the outcome cannot be kept."""
    report = _test(config)
    if not report.put_off:
        _keep(config, report)
    text = json.dumps(encode_report(report), indent=2) if as_json else "\n".join(describe_report(report))
    return text, report.exit_status


def _world(config: DeviceConfig) -> World:
    """Give the real world, with the time as the recorder believes it: a clock that nobody set is no fault."""
    return replace(REAL_WORLD, now=partial(believed_now, config.data / "recorder", SystemClock()))


def _test(config: DeviceConfig) -> Report:
    def guard() -> None:
        if is_claimed(config.data / "recorder" / CAMERA):
            raise PutOff

    rehearsal = Rehearsal(
        Stage(
            folder=scratch_folder(config),
            device=config.device.id,
            camera=make_rehearsal_camera(seconds=SECONDS, fps=FPS),
            clock=SystemClock(),
            disk=SystemDisk(),
            guard=guard,
        )
    )
    try:
        guard()
        steps = _list_steps(look_at(config, _world(config)), rehearsal)
        return Report(unit=config.device.label, results=tuple(_perform(steps, guard)))
    except PutOff:
        return Report(unit=config.device.label, put_off=True)
    finally:
        rehearsal.erase()


def _list_steps(look: Look, rehearsal: Rehearsal) -> tuple[Step, ...]:
    return (
        Step("keys", "The unit's own keys", look.keys),
        Step("documents", "The school's documents", look.documents),
        Step("card", "The card", look.card),
        Step("camera", "The camera", look.camera),
        Step("microphone", "The microphone", look.microphone),
        Step("record", "A lesson of some seconds is recorded and sealed", rehearsal.record, of_rehearsal=True),
        Step("verify", "What is on the card is what was sealed", rehearsal.verify, of_rehearsal=True),
        Step("open", "It opens with its own key alone, and plays", rehearsal.open, of_rehearsal=True),
        Step("release", "It is erased as a delivered lesson is", rehearsal.release, of_rehearsal=True),
        Step("machine", "The machine", look.machine),
        Step("recorder", "The recorder", look.recorder),
    )


def _perform(steps: tuple[Step, ...], guard: Callable[[], None]) -> Iterator[Result]:
    """Perform each step; after a fault in the rehearsal the rest of it cannot be tried."""
    broken = False
    for step in steps:
        guard()
        if broken and step.of_rehearsal:
            yield Result(name=step.name, title=step.title, verdict=Verdict.NOT_TRIED)
            continue
        result = _perform_one(step)
        broken = broken or (step.of_rehearsal and result.verdict is Verdict.FAULT)
        yield result


def _perform_one(step: Step) -> Result:
    try:
        return Result(name=step.name, title=step.title, verdict=Verdict.GOOD, words=step.perform())
    except StepFailed as fault:
        words, remedy = str(fault), fault.remedy
    except (OSError, CannotBegin) as error:
        words, remedy = f"the card refused ({getattr(error, 'strerror', None) or error})", CARD
    except (ProtocolError, HardwareError, MediaError) as error:
        words, remedy = str(error), SOFTWARE
    except PutOff:
        raise
    except Exception as error:
        log.exception("step %s", step.name)  # a defect of ours: the report says so, the log says where
        words, remedy = f"Backrow itself failed ({type(error).__name__}: {error})", SOFTWARE
    return Result(name=step.name, title=step.title, verdict=Verdict.FAULT, words=words, remedy=remedy)


def _keep(config: DeviceConfig, report: Report) -> None:
    """Keep the outcome; whether the recorder runs is asked at every moment, and so is no part of it."""
    failed = next((each.name for each in report.faults if each.name != "recorder"), "")
    folder = config.data / "selftest"
    folder.mkdir(mode=0o750, exist_ok=True)
    store_outcome(folder / "outcome", Outcome(passed=not failed, failed_at=failed), REAL)
