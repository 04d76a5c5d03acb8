"""Says on the unit how it is, for who stands there: what each probe found, what is wrong and what to do, the last days.

Pure text; it may hold numbers that never leave the unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from device.health.report import MEANINGS, UNFIT, Measures, Reading, judge
from device.health.ring import DayOfReadings, Ring
from protocol.codec import encode_record

UNITS = {
    "free_mib": "MiB free",
    "free_percent": "% free",
    "write_ms": "ms for a small write",
    "celsius": "°C",
    "available_percent": "% of memory free",
    "total_mib": "MiB in all",
    "offset_ms": "ms still to correct",
    "days_left": "days left",
    "count": "starts counted",
    "found": "found",
    "school_days_left": "school days of space left",
}
YES_OR_NO = {
    "read_only": ("read-only", "can be written"),
    "trusted": ("set by the network", "not set by the network since the start"),
    "running": ("running", "not running"),
    "fit": ("would record", "would refuse a press"),
    "passed": ("passed", "failed"),
}
RECORDER_SAYS = {code: meaning.words for code, meaning in MEANINGS.items()} | {
    "tail_recovered": "a power cut tore the end of a recording; what was whole was kept",
    "spool_damaged": "something on the card is not what was sealed, and is left alone",
}
HIDDEN = {"expected"}
EMPTY = {"selftest": "none has been run yet", "school": "no refusal was heard"}
POWER_BITS = ("under-voltage", "speed capped", "throttled", "too hot")


def describe_health(readings: Iterable[Reading], ring: Ring) -> list[str]:
    """Give the lines of the report."""
    found = tuple(readings)
    lines = [f"{each.probe:<12} {_describe_reading(each)}" for each in found]
    return [*lines, "", *describe_findings(find(found)), "", *_describe_days(ring)]


def describe_findings(codes: Iterable[str]) -> list[str]:
    """Say what is wrong and what to do, the worst first."""
    known = sorted((code for code in codes), key=lambda code: MEANINGS[code].grade is not UNFIT)
    if not known:
        return ["Nothing is wrong with the machine."]
    return [f"{MEANINGS[code].grade.value}: {MEANINGS[code].words}. {MEANINGS[code].remedy}." for code in known]


def find(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Give the codes of what is wrong: the recorder's own reasons for refusing a press, and what the readings mean."""
    found = tuple(readings)
    refusing = (each.measures for each in found if each.probe == "recorder" and each.measures.get("fit") == 0)
    said = (code for measures in refusing for code in str(measures.get("reasons", "")).split(", "))
    return tuple(dict.fromkeys((*(code if code in MEANINGS else "unknown" for code in said), *judge(found))))


def is_fit(readings: Iterable[Reading]) -> bool:
    """Tell whether the unit can record: by the machine, and by the recorder's own word."""
    return all(MEANINGS[code].grade is not UNFIT for code in find(readings))


def encode_health(readings: Iterable[Reading], ring: Ring) -> dict[str, Any]:
    """Give the same as values, for a script."""
    found = tuple(readings)
    return {
        "fit": is_fit(found),
        "codes": list(find(found)),
        "readings": {each.probe: {"problem": each.problem} if each.problem else dict(each.measures) for each in found},
        "days": [encode_record(each) for each in ring.days],
    }


def _describe_reading(reading: Reading) -> str:
    if reading.problem:
        return f"not known: {reading.problem}"
    if reading.probe == "power":
        return _describe_power(reading.measures)
    shown = (_describe_measure(name, value) for name, value in reading.measures.items() if name not in HIDDEN)
    return ", ".join(part for part in shown if part) or EMPTY.get(reading.probe, "nothing to tell")


def _describe_measure(name: str, value: int | str) -> str:
    if name in YES_OR_NO:
        return YES_OR_NO[name][0 if value else 1]
    if name == "centi_load":
        return f"{int(value) / 100:.2f} programs wanted to run at once in the last 5 minutes"
    if name == "up_s":
        return f"up for {int(value) // 3600} h {int(value) // 60 % 60} min"
    if name in ("reasons", "damaged", "notes"):
        return "; ".join(RECORDER_SAYS.get(code, code) for code in str(value).split(", "))
    if name in UNITS:
        return f"{value} {UNITS[name]}"
    return f"{name.replace('_', ' ')} {value}" if value != "" else ""


def _describe_power(measures: Measures) -> str:
    bits = int(measures["bits"])
    now = [words for place, words in enumerate(POWER_BITS) if bits >> place & 1]
    ever = [words for place, words in enumerate(POWER_BITS) if bits >> (place + 16) & 1]
    return f"now: {', '.join(now) or 'in order'}; since the start: {', '.join(ever) or 'in order'}"


def _describe_days(ring: Ring) -> list[str]:
    if not ring.days:
        return ["No day has been kept yet; the agent keeps the last seven."]
    return ["The last days:", *(_describe_day(each) for each in ring.days)]


def _describe_day(day: DayOfReadings) -> str:
    spans = [f"{e.measure.rpartition('_')[0] or e.measure} {e.least} to {e.most}" for e in day.extremes]
    codes = [MEANINGS[code].words if code in MEANINGS else code for code in day.codes]
    return f"  {day.day}  {'; '.join(codes) or 'nothing found'} ({', '.join(spans) or 'no measures'})"
