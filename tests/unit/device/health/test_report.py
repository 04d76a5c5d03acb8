"""What readings mean, what may leave the unit at once, and what only the morning after."""

from __future__ import annotations

import pytest

from controller.devices.reasons import WORDS
from device.health.report import (
    CLOCK_PATIENCE_S,
    JUDGES,
    MEANINGS,
    Condition,
    Measures,
    Reading,
    decide_condition,
    judge,
)


@pytest.mark.parametrize(
    ("probe", "measures", "codes"),
    [
        ("disk", {"read_only": 0, "free_mib": 0, "free_percent": 0}, ()),
        ("disk", {"read_only": 1}, ("card_read_only",)),
        ("writing", {"write_ms": 2000}, ()),
        ("writing", {"write_ms": 2001}, ("card_slow",)),
        ("temperature", {"celsius": 79}, ()),
        ("temperature", {"celsius": 80}, ("too_hot",)),
        ("power", {"bits": 0}, ()),
        ("power", {"bits": 0x1}, ("under_voltage",)),
        ("power", {"bits": 0x10000}, ("under_voltage",)),
        ("power", {"bits": 0x50005}, ("under_voltage", "throttled")),
        ("power", {"bits": 0x20000}, ("throttled",)),
        ("power", {"bits": 0x80000}, ("too_hot",)),
        ("power", {"bits": 0x8}, ("too_hot",)),
        ("memory", {"available_percent": 5}, ()),
        ("memory", {"available_percent": 4}, ("memory_low",)),
        ("load", {"centi_load": 9999}, ()),
        ("clock", {"expected": 1, "trusted": 0, "up_s": CLOCK_PATIENCE_S}, ()),
        ("clock", {"expected": 1, "trusted": 0, "up_s": CLOCK_PATIENCE_S + 1}, ("clock_not_set",)),
        ("clock", {"expected": 1, "trusted": 1, "up_s": 99_999, "offset_ms": -6000}, ("clock_off",)),
        ("clock", {"expected": 0, "trusted": 0, "up_s": 99_999}, ()),
        ("camera", {"kind": "picamera2", "found": 0}, ("camera_missing",)),
        ("camera", {"kind": "picamera2", "found": 1}, ()),
        ("camera", {"kind": "synthetic"}, ()),
        ("microphone", {"found": 0, "expected": 1}, ("microphone_missing",)),
        ("microphone", {"found": 0, "expected": 0}, ()),
        ("certificate", {"enrolled": 0}, ("not_enrolled",)),
        ("certificate", {"days_left": 20, "days_in_all": 90}, ()),
        ("certificate", {"days_left": 19, "days_in_all": 90}, ("certificate_ends_soon",)),
        ("certificate", {"days_left": -1}, ("certificate_ended",)),
        ("school", {"refused": ""}, ()),
        ("school", {"refused": "device_lost"}, ("school_refuses",)),
        ("recorder", {"running": 0}, ("recorder_not_running",)),
        ("recorder", {"running": 1, "fit": 0, "reasons": "no_policy"}, ()),
        ("selftest", {"passed": 0, "failed_at": "seal"}, ("selftest_failed",)),
        ("selftest", {}, ()),
        ("versions", {"backrow": "1"}, ()),
    ],
)
def test_reading_gives_its_codes(probe: str, measures: Measures, codes: tuple[str, ...]) -> None:
    """Each threshold, from both sides."""
    assert judge([Reading(probe=probe, measures=measures)]) == codes


def test_what_is_not_known_is_no_finding() -> None:
    """A PC without a thermometer, and a probe that hangs, are not made into a fault."""
    unknown = [Reading(probe=name, measures={}, problem="no answer within 5 s") for name in JUDGES]
    assert judge(unknown) == ()


def test_unit_is_unfit_by_the_recorders_word_or_a_grave_code() -> None:
    """What wants a person some day leaves the unit fit."""
    assert decide_condition((), ()) == Condition(fit=True)
    assert decide_condition(("no_policy",), ()) == Condition(fit=False, codes=("no_policy",))
    assert decide_condition(("camera_missing",), ()) == Condition(fit=False, codes=("camera_missing",))
    assert decide_condition(("microphone_missing",), ()) == Condition(fit=True, codes=("microphone_missing",))


@pytest.mark.parametrize("code", [code for code, meaning in MEANINGS.items() if meaning.revealing])
def test_what_a_recording_causes_is_told_the_next_school_day(code: str) -> None:
    """P7: neither the code nor `fit` says on the spot that a camera runs; the day after, the code does."""
    assert decide_condition((code,), ()) == Condition(fit=True)
    assert decide_condition((), (code,)) == Condition(fit=True, codes=(code,))


def test_what_the_machine_suffers_from_load_is_revealing() -> None:
    """P7: heat, weak power, a slow card and little memory come of a camera that runs."""
    assert all(
        MEANINGS[code].revealing for code in ("too_hot", "throttled", "under_voltage", "memory_low", "card_slow")
    )


def test_code_without_a_meaning_is_not_told() -> None:
    """P7: what nobody has thought about may be one that only a recording can have; old days' codes at rest are over."""
    assert decide_condition(("unheard_of",), ("camera_missing", "unheard_of")) == Condition(fit=True)


def test_no_code_speaks_of_the_picture() -> None:
    """A covered lens is private: no probe looks at a picture, and no code is about a dark one."""
    words = " ".join([*MEANINGS, *(meaning.words for meaning in MEANINGS.values())])
    assert not {"dark", "black", "covered", "lens"} & set(words.replace("_", " ").split())


def test_every_judge_gives_codes_that_have_a_meaning() -> None:
    """And the units page has words for each, so that nobody reads a code there."""
    assert set(MEANINGS) - set(WORDS) == set()
    assert all(meaning.words and meaning.remedy for meaning in MEANINGS.values())
