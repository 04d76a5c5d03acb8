"""The scheduler: who may upload now, and how fast. Decides only; leases.py performs it."""
