"""Masks on the unit: burned into each picture before it is encoded, bound to one framing of the camera."""
