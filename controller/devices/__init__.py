"""Devices: which units the school has, whose they are, and what they say of themselves."""
