"""The classroom unit: three processes (recorder, agent, uploader) that meet in files and never call each other.

Described in docs/ARCHITECTURE.md; `wiring` is the one place that picks implementations.
"""
