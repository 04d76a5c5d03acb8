"""What a self-test found, in numbered lines and plain words, each fault with what to do. Pure.

Somebody reads it aloud on the phone: no paths, no codes, one sentence a line. It says nothing of recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class StepFailed(Exception):
    """A step found a fault; `remedy` is what to do about it."""

    def __init__(self, words: str, remedy: str) -> None:
        super().__init__(words)
        self.remedy = remedy


class Verdict(Enum):
    """How a step ended."""

    GOOD = "good"
    FAULT = "fault"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One step: its short name for scripts, what was looked at in words, and how it ended."""

    name: str
    title: str
    verdict: Verdict
    words: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The steps in their order; one that was put off found nothing out, because the unit was in use."""

    unit: str
    results: tuple[Result, ...] = ()
    put_off: bool = False

    @property
    def faults(self) -> tuple[Result, ...]:
        """Give the steps that found a fault."""
        return tuple(each for each in self.results if each.verdict is Verdict.FAULT)

    @property
    def exit_status(self) -> int:
        """0: everything is in order. 1: there is a fault. 75: put off, try again (sysexits.h, EX_TEMPFAIL)."""
        return 75 if self.put_off else int(bool(self.faults))


def describe_report(report: Report) -> list[str]:
    """Give the lines to be read aloud."""
    if report.put_off:
        return [f"Self-test of {report.unit}: put off, because the unit is in use. Try again later."]
    lines = [f"Self-test of {report.unit}", ""]
    for number, result in enumerate(report.results, 1):
        lines += _describe_result(number, result)
    return [*lines, "", _describe_end(report)]


def encode_report(report: Report) -> dict[str, Any]:
    """Give the same as values, for a script."""
    return {
        "unit": report.unit,
        "passed": report.exit_status == 0,
        "put_off": report.put_off,
        "steps": [
            {
                "number": number,
                "name": each.name,
                "title": each.title,
                "verdict": each.verdict.value,
                "words": each.words,
                "remedy": each.remedy,
            }
            for number, each in enumerate(report.results, 1)
        ],
    }


def _describe_result(number: int, result: Result) -> list[str]:
    if result.verdict is Verdict.FAULT:
        return [f"{number:2}. FAULT  {result.title}: {result.words}.", f"           What to do: {result.remedy}."]
    if result.verdict is Verdict.NOT_TRIED:
        return [f"{number:2}. -      {result.title}: not tried, because of the fault above."]
    said = f": {result.words}" if result.words else ""
    return [f"{number:2}. good   {result.title}{said}."]


def _describe_end(report: Report) -> str:
    faults: Sequence[Result] = report.faults
    if not faults:
        return f"All {len(report.results)} steps are good."
    numbers = [n for n, each in enumerate(report.results, 1) if each.verdict is Verdict.FAULT]
    listed = ", ".join(str(number) for number in numbers)
    return f"{len(faults)} of {len(report.results)} steps found a fault: {listed}. Begin with number {numbers[0]}."
