"""What a view may ask of the connection that its request came over, beyond WSGI: to be ended, or to stop reading.

The units' listener puts a `Connection` into each request's environment; where another server answers (a test's), there
is none, and asking does nothing: that server reads away what is left of a body by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

KEY = "backrow.connection"


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Connection:
    """`end`: the connection is closed after the answer, and nothing more is read from it. `stop_reading`: whoever
    waits for bytes of it waits no longer, and finds its end; safe from any thread."""

    end: Callable[[], None] = _nothing
    stop_reading: Callable[[], None] = _nothing


def connection_of(environ: Mapping[str, Any]) -> Connection:
    """Give the connection of a request."""
    found = environ.get(KEY)
    return found if isinstance(found, Connection) else Connection()
