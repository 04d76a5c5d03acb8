"""Nights that are worked out and not waited for: the scheduler's own code on made-up schools."""
