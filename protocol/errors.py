"""Errors of the shared contract: what was read, what was expected, what was found, and what to do next.

`ProtocolError` means that bytes from outside break a rule; it is never our own mistake (those are ordinary
`TypeError`, `ValueError` and `AssertionError`). Each module of the package raises its own subclass.
"""


class ProtocolError(Exception):
    """Something that was received does not follow the contract."""
