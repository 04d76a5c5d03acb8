"""Masks: which parts of a room's picture its unit hides, drawn by numbers, kept by version, told with the snapshot."""
