"""Whether the controller lets this unit in at all, as its answers to lease and documents tell.

Written down for whoever stands before the unit (device/refused.py). What is refused of a recording is no matter of
this.
"""

from __future__ import annotations

from device.refused import NOT_BELIEVED, SHUT_OUT, RefusedFile
from device.uploads.client import LinkError, ShutOutError
from device.uploads.endpoints import RefusalError


class Knocking:
    """Keeps the word in `file`."""

    def __init__(self, file: RefusedFile) -> None:
        self._file = file

    @property
    def is_shut_out(self) -> bool:
        """Tell whether the unit itself was refused when it asked last."""
        return self._file.is_said

    def note_let_in(self) -> None:
        """Write down that the unit is let in; raise `OSError` when the card refuses."""
        self._file.say("")

    def note_refusal(self, error: LinkError | RefusalError) -> None:
        """Write down that the unit itself is refused; a link that is gone, or a busy server, says nothing of that."""
        if isinstance(error, ShutOutError):
            self._file.say(NOT_BELIEVED)
        elif isinstance(error, RefusalError) and error.code in SHUT_OUT:
            self._file.say(error.code)
