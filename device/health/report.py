"""What the probes' readings mean: fit or unfit, with codes, and what of them may leave the unit. Pure.

A press is refused by the recorder alone; this says to IT what stands in its way. What heat, load, a slow card or a
living recording cause is told the next school day, because on the spot it would tell when a room records (promise P7).
A dark picture is no finding: a covered lens is *private*. Codes: docs/hardware/health.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

Measure = int | str
Measures = Mapping[str, Measure]

HOT_CELSIUS = 80
SLOW_WRITE_MS = 2000
LOW_MEMORY_PERCENT = 5
CLOCK_PATIENCE_S = 3600
CLOCK_OFF_MS = 5000
CERTIFICATE_PERCENT = 22
"""What is left of a certificate's life when its renewal, due at 33, has failed for days."""


class Grade(StrEnum):
    """How much a finding matters: `UNFIT` keeps a press from recording, `WATCH` wants a person some day."""

    UNFIT = "unfit"
    WATCH = "watch"


@dataclass(frozen=True)
class Meaning:
    """What a code means for who stands at the unit: how bad, in words, and what to do.

    `revealing` ones follow from what the unit does; they leave it on the next school day.
    """

    grade: Grade
    words: str
    remedy: str
    revealing: bool = False


UNFIT, WATCH = Grade.UNFIT, Grade.WATCH
DELIVERY_STUCK = "delivery_stuck"
_NO_CAMERA = "switch the unit off, press the ribbon cable in at both ends, switch it on"
_BAD_CARD = "restart the unit; if it happens again, replace the card"
MEANINGS: dict[str, Meaning] = {
    "unit_retired": Meaning(UNFIT, "the school has retired this unit", "prepare a new card for another life"),
    "no_keyring": Meaning(UNFIT, "no list of the school's keys is here", "let the unit reach the school's server"),
    "no_recipients": Meaning(UNFIT, "no list of recipients reaches this day", "issue a new one on the school's server"),
    "no_policy": Meaning(UNFIT, "there is no permission to record", "let the unit reach the school's server"),
    "spool_not_writable": Meaning(
        UNFIT, "the recorder may not write into its spool", "run: systemd-tmpfiles --create backrow.conf"
    ),
    "button_stuck": Meaning(UNFIT, "the button is held down or stuck", "free it; if it stays, replace the button"),
    "recorder_unreadable": Meaning(
        UNFIT, "what the recorder says cannot be read", "look at: systemctl status backrow-recorder"
    ),
    "unknown": Meaning(
        UNFIT, "the recorder refuses and does not say why", "look at: systemctl status backrow-recorder"
    ),
    "disk_full": Meaning(UNFIT, "there is no space for a lesson", "let the unit deliver what it holds", revealing=True),
    "disk_failed": Meaning(UNFIT, "the card failed while it was written", _BAD_CARD, revealing=True),
    "spool_failed": Meaning(UNFIT, "the card refused to be written", _BAD_CARD, revealing=True),
    "camera_failed": Meaning(UNFIT, "the camera failed while it ran", _NO_CAMERA, revealing=True),
    "nothing_durable": Meaning(
        UNFIT, "nothing new reached the card while the camera ran", "check camera and card", revealing=True
    ),
    "recording_failed": Meaning(
        UNFIT, "a part failed while the camera ran", "run: backrow device selftest", revealing=True
    ),
    DELIVERY_STUCK: Meaning(
        WATCH,
        "something cannot be delivered",
        "look, as root, for needs_person in the files of uploads/",
        revealing=True,
    ),
    "recorder_not_running": Meaning(
        UNFIT, "the recorder is not running", "look at: systemctl status backrow-recorder; then restart the unit"
    ),
    "recorder_silent": Meaning(
        UNFIT, "the recorder has not said how it is", "look at: systemctl status backrow-recorder"
    ),
    "selftest_failed": Meaning(UNFIT, "the last self-test failed", "run: backrow device selftest, and do what it says"),
    "card_read_only": Meaning(UNFIT, "the card has become read-only", _BAD_CARD),
    "camera_missing": Meaning(UNFIT, "no camera answers", _NO_CAMERA),
    "microphone_missing": Meaning(WATCH, "no microphone is there", "plug the microphone in; lessons have no sound"),
    "clock_not_set": Meaning(
        WATCH, "the clock has not been set since the start", "let the school's network answer time requests (NTP)"
    ),
    "clock_off": Meaning(WATCH, "the clock is far off", "look at: timedatectl timesync-status"),
    "not_enrolled": Meaning(
        WATCH, "the unit has no certificate: it cannot speak with the school", "run, as root: backrow device enroll"
    ),
    "certificate_ends_soon": Meaning(
        WATCH, "the unit's certificate ends soon and was not renewed", "look at: systemctl status backrow-renew"
    ),
    "certificate_ended": Meaning(
        WATCH, "the unit's certificate has ended: it delivers nothing", "look at: systemctl status backrow-renew"
    ),
    "school_refuses": Meaning(
        WATCH,
        "the school's server refuses this unit: it delivers nothing",
        "look for its state on the units page: quarantined, retired, lost, or its certificate revoked",
    ),
    "too_hot": Meaning(
        WATCH, "the unit became too hot", "give it air; clean it; move it out of the sun", revealing=True
    ),
    "throttled": Meaning(WATCH, "the unit had to slow down", "see heat and power supply", revealing=True),
    "under_voltage": Meaning(
        WATCH, "the power was too weak", "use the unit's own power supply and cable", revealing=True
    ),
    "memory_low": Meaning(
        WATCH, "memory was nearly used up", "restart the unit; tell Backrow's makers", revealing=True
    ),
    "card_slow": Meaning(WATCH, "the card was slow", "replace the card by one of the parts list", revealing=True),
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one probe found; with a `problem`, nothing is known."""

    probe: str
    measures: Measures
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Fit or unfit, and every code that may be told."""

    fit: bool
    codes: tuple[str, ...] = ()


def judge(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Give the codes that follow from readings; what is not known gives none."""
    found = (code for each in readings if not each.problem for code in _judge_one(each))
    return tuple(dict.fromkeys(found))


def decide_condition(now: Iterable[str], before: Iterable[str]) -> Condition:
    """Put together what may leave the unit.

    `now`: the codes that hold at this moment, the recorder's own reason among them. `before`: those of the last day
    before today, of which the revealing ones are told today. A code without a meaning is never told: what nobody has
    thought about may be one that only a recording can have.
    """
    at_once = tuple(code for code in now if code in MEANINGS and not MEANINGS[code].revealing)
    late = tuple(code for code in before if code in MEANINGS and MEANINGS[code].revealing)
    unfit = any(MEANINGS[code].grade is UNFIT for code in at_once)
    return Condition(fit=not unfit, codes=tuple(dict.fromkeys((*at_once, *late))))


def _judge_one(reading: Reading) -> Iterable[str]:
    return JUDGES[reading.probe](reading.measures) if reading.probe in JUDGES else ()


def _judge_disk(measures: Measures) -> Iterable[str]:
    if measures.get("read_only"):
        yield "card_read_only"


def _judge_writing(measures: Measures) -> Iterable[str]:
    if _number(measures, "write_ms") > SLOW_WRITE_MS:
        yield "card_slow"


def _judge_temperature(measures: Measures) -> Iterable[str]:
    if _number(measures, "celsius") >= HOT_CELSIUS:
        yield "too_hot"


def _judge_power(measures: Measures) -> Iterable[str]:
    """Read the firmware's bits: 0 to 3 are now, 16 to 19 since the start (under-voltage, capped, throttled, hot)."""
    bits = _number(measures, "bits")
    bits |= bits >> 16
    if bits & 0b0001:
        yield "under_voltage"
    if bits & 0b0110:
        yield "throttled"
    if bits & 0b1000:
        yield "too_hot"


def _judge_memory(measures: Measures) -> Iterable[str]:
    if "available_percent" in measures and _number(measures, "available_percent") < LOW_MEMORY_PERCENT:
        yield "memory_low"


def _judge_clock(measures: Measures) -> Iterable[str]:
    if measures.get("expected") and not measures.get("trusted") and _number(measures, "up_s") > CLOCK_PATIENCE_S:
        yield "clock_not_set"
    if abs(_number(measures, "offset_ms")) > CLOCK_OFF_MS:
        yield "clock_off"


def _judge_camera(measures: Measures) -> Iterable[str]:
    if measures.get("found") == 0:
        yield "camera_missing"


def _judge_microphone(measures: Measures) -> Iterable[str]:
    if measures.get("found") == 0 and measures.get("expected"):
        yield "microphone_missing"


def _judge_certificate(measures: Measures) -> Iterable[str]:
    if measures.get("enrolled") == 0:
        yield "not_enrolled"
        return
    days = _number(measures, "days_left")
    if days < 0:
        yield "certificate_ended"
    elif 100 * days < CERTIFICATE_PERCENT * _number(measures, "days_in_all"):
        yield "certificate_ends_soon"


def _judge_school(measures: Measures) -> Iterable[str]:
    if measures.get("refused"):
        yield "school_refuses"


def _judge_recorder(measures: Measures) -> Iterable[str]:
    if not measures.get("running"):
        yield "recorder_not_running"


def _judge_selftest(measures: Measures) -> Iterable[str]:
    if measures.get("passed") == 0:
        yield "selftest_failed"


JUDGES: dict[str, Callable[[Measures], Iterable[str]]] = {
    "disk": _judge_disk,
    "writing": _judge_writing,
    "temperature": _judge_temperature,
    "power": _judge_power,
    "memory": _judge_memory,
    "clock": _judge_clock,
    "camera": _judge_camera,
    "microphone": _judge_microphone,
    "certificate": _judge_certificate,
    "school": _judge_school,
    "recorder": _judge_recorder,
    "selftest": _judge_selftest,
}


def _number(measures: Measures, name: str) -> int:
    """Give a measure that counts; one that is missing is 0, which no judge minds."""
    value = measures.get(name, 0)
    return value if isinstance(value, int) else 0
