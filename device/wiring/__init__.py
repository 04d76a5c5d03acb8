"""Puts the recorder's process together from its configuration: the one place that picks implementations."""
