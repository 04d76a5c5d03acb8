"""What the controller says when something is wrong: refusals to a unit, and mistakes of those who run it.

A `Refusal` is their fault and becomes an HTTP answer with a code that a program reads and words that a person reads;
an `OperatorError` is a matter of configuration, keys or disk and stops the command with its message. Codes of refusals
are defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from http import HTTPStatus


class OperatorError(Exception):
    """The controller cannot start or go on; the message names the file and says what to do."""


class ConfigError(OperatorError):
    """The configuration is missing, malformed, or asks for something unsafe."""


class Refusal(Exception):
    """A request of a unit that is refused: an HTTP status, a code for programs, words for people."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")
