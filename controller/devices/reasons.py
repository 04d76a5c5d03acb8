"""The words for why a unit is unfit. Pure: gives texts to be translated, never translates.

A unit says its reasons as short codes, joined by semicolons; what is no code that we know is shown as it was said.
"""

from __future__ import annotations

from typing import NamedTuple

from controller.devices.models import DeviceState
from controller.recordings.titles import mark

OVER_QUOTA = "over_quota"
"""Said by the controller itself, of a unit that it refused by quota in the last 24 hours."""

WORDS = {
    "no_keyring": mark("It has not received the school’s keys yet."),
    "unit_retired": mark("It is retired: it delivers what it holds and wipes itself."),
    "no_recipients": mark("The school’s list of recipients has ended; issue a new one."),
    "no_policy": mark("It has no valid permission to record."),
    "disk_full": mark("Its card was full on the last school day: it has to deliver before it can record again."),
    "disk_failed": mark("Its card failed on the last school day."),
    "spool_failed": mark("Its card failed on the last school day."),
    "camera_failed": mark("Its camera failed on the last school day."),
    "nothing_durable": mark("Its camera or its card did not keep up on the last school day."),
    "spool_not_writable": mark("Its recorder may not write into its own folder; its log says what to do."),
    "button_stuck": mark("Its button is held down or stuck."),
    "recording_failed": mark("A part of it failed on the last school day."),
    "spool_damaged": mark("Something on its card is damaged or was changed."),
    "recorder_not_running": mark("Its recorder is not running."),
    "recorder_silent": mark("Its recorder has not said how it is."),
    "recorder_unreadable": mark("Its recorder has not said how it is."),
    "selftest_failed": mark("Its last self-test failed."),
    "card_read_only": mark("Its card cannot be written."),
    "camera_missing": mark("It finds no camera."),
    "microphone_missing": mark("It finds no microphone: lessons have no sound."),
    "clock_not_set": mark("Nothing on the network sets its clock."),
    "clock_off": mark("Its clock is far off."),
    "not_enrolled": mark("It has no certificate yet."),
    "certificate_ends_soon": mark("Its certificate ends soon and was not renewed."),
    "certificate_ended": mark("Its certificate has ended and was not renewed: it cannot deliver."),
    "school_refuses": mark("It is refused here: quarantined, retired, lost, or its certificate was revoked."),
    "too_hot": mark("It was too hot on the last school day."),
    "throttled": mark("It had to slow down on the last school day."),
    "under_voltage": mark("Its power supply was too weak on the last school day."),
    "memory_low": mark("Its memory was nearly used up on the last school day."),
    "card_slow": mark("Its card was slow on the last school day."),
    "delivery_stuck": mark("Its delivery needs a person. Please tell whoever runs Backrow."),
    OVER_QUOTA: mark("It sends more than a unit may: the rest waits on its card. Look at it."),
    "unknown": mark("It does not say why."),
}


UNDELIVERABLE = frozenset({"spool_damaged", "delivery_stuck"})
"""Reasons for which a retired unit never wipes itself: what it holds stays until a person gives it up (promise P5)."""
KEPT_FROM_WIPING = mark(
    "It will not wipe itself: something on its card cannot be delivered. Ask its teacher whether anything is missing, "
    "then declare it lost and destroy its card."
)


def is_kept_from_wiping(state: DeviceState, reason: str) -> bool:
    """Tell whether a retired unit says that something on it can never leave; never how much (promise P7)."""
    return state is DeviceState.RETIRED and not UNDELIVERABLE.isdisjoint(_codes(reason))


def _codes(reason: str) -> list[str]:
    return [part.strip() for part in reason.split("; ")]


class Reason(NamedTuple):
    """One reason: words of ours to be translated, or else what the unit said."""

    words: str
    said: str


def describe_reasons(reason: str) -> tuple[Reason, ...]:
    """Give each reason that a unit said, in its order."""
    parts = dict.fromkeys(_codes(reason))
    return tuple(dict.fromkeys(Reason(words=WORDS.get(part, ""), said=part) for part in parts if part))
