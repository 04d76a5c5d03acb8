"""The rooms of consent's settings behind the people's door, for wiring to hang up together."""

from __future__ import annotations

from controller.consent import agreement_views, blackout_views, pilot_views, rules_views

ROOMS = (rules_views.register, agreement_views.register, blackout_views.register, pilot_views.register)
