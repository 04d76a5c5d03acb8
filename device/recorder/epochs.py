"""The recorder's word on the epochs: `recorder/epochs`, a signed line that the uploader carries to the controller.

Written anew when it would name other epochs, and at least once a week, so that a unit at rest says so as well. It
always names the epoch that a press would seal to, so that neither its content nor its age tells whether a room
recorded this week (promise P7). Defined in docs/protocol/epochs.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from device.spool.held import HeldEpochs
from protocol.durable import SHARED, Files, replace_file
from protocol.epochs import EpochsHeld, issue_epochs_held, name_held, verify_epochs_held
from protocol.errors import ProtocolError
from protocol.signing import SigningKey

EVERY = timedelta(days=6)  # "at least weekly", also of a unit that is switched off at night
LAST_WORD = timedelta(hours=6)  # the uploader carries a statement within about an hour and a half

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Word:
    """Who speaks: the unit, its recorder's key, and where the statement lies."""

    device: str
    key: SigningKey = field(repr=False)
    path: Path
    files: Files


class EpochTeller:
    """Keeps the statement true."""

    def __init__(self, word: Word, held: HeldEpochs) -> None:
        self._word = word
        self._held = held
        self._said = load_statement(word)

    @property
    def said_at(self) -> datetime | None:
        """Give the instant of the newest statement: it has certainly passed."""
        return self._said.at if self._said else None

    def has_said_its_last_word(self, known_at: datetime) -> bool:
        """Tell whether it was said long enough ago that nothing is left here: a retired unit may be wiped then.

        Wiped at once it could not say it any more, and would block the end of its epochs for ever.
        """
        said = self._said
        return said is not None and not said.held and not said.unknown and known_at >= said.at + LAST_WORD

    def tell(self, known_at: datetime, in_force: str | None) -> None:
        """Say what is held, if there is something new to say; raise `OSError` when the disk fails.

        `known_at` is the latest instant that has certainly passed; `in_force` names the epoch that a press would seal
        to, None while no press can record.
        """
        names, unknown = name_held((*self._held.look(), *((in_force,) if in_force else ())))
        before = self._said
        if before and (before.held, before.unknown) == (names, unknown) and known_at < before.at + EVERY:
            return
        said = EpochsHeld(
            device=self._word.device,
            counter=max(before.counter + 1 if before else 1, int(known_at.timestamp())),
            at=known_at,
            held=names,
            unknown=unknown,
        )
        line = issue_epochs_held(said, self._word.key)
        replace_file(self._word.path, line, mode=SHARED, files=self._word.files)
        self._said = said


def load_statement(word: Word) -> EpochsHeld | None:
    """Read the newest statement; None when there is none, or none of this recorder's own."""
    try:
        said = verify_epochs_held(word.path.read_bytes(), word.key.verifying)
    except (OSError, ProtocolError) as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("the statement of epochs is made anew: %s", error)
        return None
    return said if said.device == word.device else None
