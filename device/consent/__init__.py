"""Consent: whether a press may record, decided from the signed snapshot alone, offline too."""

from device.consent.decide import PressDecision, decide_bell, decide_press, decide_running, permit_of

__all__ = ["PressDecision", "decide_bell", "decide_press", "decide_running", "permit_of"]
