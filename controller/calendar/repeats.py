"""Judges how an event of a calendar repeats (RFC 5545) before the library follows it: whether it comes true at all.

dateutil looks for a day that never comes until the year 9999, which takes seconds and more for each rule; so
only parts are followed of which it is plain that they come true again within some years. Pure.
"""

from __future__ import annotations

import re
from calendar import monthrange

import icalendar

MOST_WEEKS = 5
"""No month has a sixth Monday."""
_OFTEN = frozenset({"FREQ", "INTERVAL", "BYDAY", "BYMONTH", "WKST", "COUNT", "UNTIL"})
_MONTHLY = _OFTEN | {"BYMONTHDAY", "BYSETPOS"}
PARTS = {"DAILY": _OFTEN, "WEEKLY": _OFTEN, "MONTHLY": _MONTHLY, "YEARLY": _MONTHLY}
"""What a repetition may be made of."""
_NUMBER = re.compile(r"\d+")


def frequency_of(rule: object) -> str:
    """Give the frequency that a rule names; empty where it is no rule, or names none."""
    return str(next(iter(rule.get("FREQ", [])), "")) if isinstance(rule, icalendar.vRecur) else ""


def is_followed(rule: icalendar.vRecur) -> bool:
    """Tell whether a rule repeats by days, weeks, months or years, and is made of nothing but `PARTS`."""
    return rule.keys() <= PARTS.get(frequency_of(rule), frozenset())


def is_sound(rule: icalendar.vRecur) -> bool:
    """Tell whether the numbers of a rule can be; the library trusts them.

    Every so many days but only on some days or months of them is not followed: it may never come true.
    """
    interval, count = rule.get("INTERVAL", [1])[0], rule.get("COUNT", [1])[0]
    counted = all(isinstance(number, int) and number > 0 for number in (interval, count))
    months = all(isinstance(month, int) and 1 <= month <= 12 for month in rule.get("BYMONTH", []))
    steps_over = frequency_of(rule) == "DAILY" and interval != 1 and bool({"BYDAY", "BYMONTH"} & rule.keys())
    return counted and months and not steps_over and _names_days(rule)


def _names_days(rule: icalendar.vRecur) -> bool:
    """Tell whether the days of a month that a rule names are some of a month."""
    numbered = (_NUMBER.search(str(day)) for day in rule.get("BYDAY", []))
    weeks = (int(number.group()) for number in numbered if number)
    return all(week <= MOST_WEEKS for week in weeks) and 0 not in rule.get("BYMONTHDAY", [])


def can_come_true(rule: icalendar.vRecur) -> bool:
    """Tell whether some month of a sound rule has one of its days: nobody waits for 30 February."""
    days = [abs(int(day)) for day in rule.get("BYMONTHDAY", [])]
    months = [int(month) for month in rule.get("BYMONTH", range(1, 13))]
    return not days or any(day <= monthrange(2024, month)[1] for month in months for day in days)


def is_slow(rule: object) -> bool:
    """Tell whether a rule may never come true in a way that cannot be seen from here, and is long looked for then."""
    if frequency_of(rule) not in ("MONTHLY", "YEARLY") or not isinstance(rule, icalendar.vRecur):
        return False
    return bool({"BYDAY", "BYSETPOS"} & rule.keys()) or rule.get("INTERVAL", [1])[0] != 1
