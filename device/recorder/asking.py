"""Asks the school what time it is while nobody has set the clock, and believes the answer to the open question alone.

A question is a fresh nonce; it is open for minutes by the monotonic clock and answered once. Who carries it may only
delay: what comes must be signed by the school for this unit and this nonce, and then it is at least that time, and at
most the age of the question later. Never sets the clock, and asks nothing once the network has.
Defined in docs/protocol/consent.md and docs/adr/0016-time-without-a-clock-in-tls.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from device.asked import ASKED, Question, Told, load_told, store_question, store_told
from device.hardware.ports import Clock
from device.identity import DocumentStore
from device.recorder.moments import Moments
from protocol.durable import Files
from protocol.errors import ProtocolError
from protocol.ids import ID_BYTES, make_id
from protocol.signed_time import LIMIT_BYTES, verify_signed_time

OPEN_S = 300.0
"""How long a question is open: the most by which whoever carries the answer can make the unit's time late."""
AGAIN_S = 86_400.0
"""After this long it is asked again: a crystal that is slow by 50 ppm has lost four seconds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Post:
    """Where question and note lie (`folder`, the recorder's), where the answer comes (`answer`), and for which unit."""

    device: str
    folder: Path
    answer: Path
    files: Files


class TimeAsker:
    """The question that is open, and when the next one is due."""

    def __init__(
        self,
        post: Post,
        documents: DocumentStore,
        moments: Moments,
        *,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._post = post
        self._documents = documents
        self._moments = moments
        self._clock = clock
        self._random_bytes = random_bytes
        self._nonce = ""
        self._asked_s = 0.0
        self._due_s = clock.monotonic_s()
        self._refused = ""
        take_up_told(post.folder, clock, moments)

    def turn(self) -> None:
        """Look for the answer, and ask when it is time to; raise `OSError` when the card refuses."""
        if self._clock.is_trusted():
            self._close()
            return
        now_s = self._clock.monotonic_s()
        if self._nonce and now_s < self._asked_s + OPEN_S:
            self._look_for_answer(now_s)
        elif now_s >= self._due_s:
            self._ask(now_s)

    def _ask(self, now_s: float) -> None:
        nonce = make_id(self._random_bytes(ID_BYTES))
        store_question(self._post.folder, Question(nonce=nonce), self._post.files)
        self._nonce, self._asked_s = nonce, now_s

    def _close(self) -> None:
        """Ask no more: nothing that comes for this question is believed from now on."""
        if self._nonce:
            self._nonce = ""
            self._post.files.unlink(self._post.folder / ASKED)

    def _look_for_answer(self, now_s: float) -> None:
        line = _read(self._post.answer)
        if not line:
            return
        try:
            at = self._verify(line)
        except ProtocolError as error:
            self._complain(str(error))
            return
        self._close()
        self._due_s = now_s + AGAIN_S
        self._moments.tell(at)
        told = Told(at=at, boot=self._clock.boot_id, monotonic_ms=int(now_s * 1000))
        store_told(self._post.folder, told, self._post.files)
        log.info("the school has told the time")

    def _verify(self, line: bytes) -> datetime:
        """Give the time that answers the open question; raise `ProtocolError` for everything else."""
        said = verify_signed_time(line, self._documents.trust)
        if said.device != self._post.device:
            raise ProtocolError(f"signed_time.device: expected this unit, {self._post.device}, got {said.device}")
        if said.nonce != self._nonce:
            raise ProtocolError("signed_time.nonce: it does not answer the question that is open")
        known_at = self._moments.known_at()
        if said.at < known_at - timedelta(seconds=OPEN_S):
            raise ProtocolError(f"signed_time.at: {said.at} lies before {known_at}, which has certainly passed")
        return said.at

    def _complain(self, words: str) -> None:
        """Say what is not believed, for `--verbose` and once: an answer to the last question lies there for long."""
        if words != self._refused:
            log.debug("a time is not believed: %s", words)
        self._refused = words


def take_up_told(folder: Path, clock: Clock, moments: Moments) -> None:
    """Go on from what the recorder believed before its process ended, in this run of the kernel."""
    told = load_told(folder)
    now = told.now(boot=clock.boot_id, monotonic_s=clock.monotonic_s()) if told else None
    if now is not None:
        moments.tell(now)


def _read(path: Path) -> bytes:
    """Read what lies there, one byte more than an answer has at the most; nothing when it is not there."""
    try:
        with path.open("rb") as file:
            return file.read(LIMIT_BYTES + 1)
    except OSError:
        return b""
