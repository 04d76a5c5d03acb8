"""Brings one object to the controller over tus 1.0: create, or go on where it was broken off, piece by piece.

Which request comes next and what an answer means is decided by protocol.tus; here it is sent, at the lease's pace.
Whether the object is then accepted is the controller's word, and whether it may be erased is the receipt's. Defined in
docs/protocol/uploads.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from device.uploads.client import Answer, Door, LinkError, Request
from device.uploads.endpoints import lease_header, require_success
from device.uploads.gauge import Gauge
from device.uploads.meter import Piece
from device.uploads.pace import piece_bytes
from device.uploads.parcel import PacedBody, Pacer, Parcel
from protocol import tus

log = logging.getLogger(__name__)
COLLECTION = "units/v1/uploads"
CHECKSUM_MISMATCH = 460
MOST_STALLS = 4


class UploadGoneError(Exception):
    """The controller no longer knows an upload that had begun: it may have the object already, so ask."""


@dataclass(frozen=True)
class Permit:
    """The lease under which bytes leave: its newest line, asked for at every request, and its rate, at every block.

    Both raise `EndedError` as soon as the lease does not hold any more.
    """

    line: Callable[[], bytes]
    rate_bps: Callable[[], int]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How objects are sent: the door, the pace, what it gave, and the largest piece of one request."""

    door: Door
    pacer: Pacer
    gauge: Gauge
    piece_bytes: int

    def send(self, parcel: Parcel, permit: Permit, *, upload: str, note_upload: Callable[[str], None]) -> None:
        """Send an object from where `upload` (an address, or "") stands, and return when the controller has all of it.

        `note_upload` is told the address as soon as there is one. Raises `LinkError` when the link breaks,
        `RefusalError` when the controller says no, `UploadGoneError`, `EndedError`, and `SpoolFileError`.
        """
        state = tus.ClientUpload(
            self.door.address_of(COLLECTION),
            length=parcel.size_bytes,
            chunk_bytes=self.piece_bytes,
            metadata={"recording": parcel.recording.encode(), "index": str(parcel.index).encode()},
            url=self._still_here(upload),
        )
        stalls = 0
        while state.is_open:
            state = replace(state, chunk_bytes=piece_bytes(permit.rate_bps(), self.piece_bytes))
            state, outcome = self._exchange(state, parcel, permit)
            if isinstance(outcome, tus.Created):
                note_upload(outcome.url)
            stalls = 0 if isinstance(outcome, tus.Created | tus.Advanced) else stalls + 1
            if stalls > MOST_STALLS:
                raise LinkError(f"{state.url}: the offset stays at {state.acknowledged} of {state.length}: {outcome}")

    def _still_here(self, upload: str) -> str | None:
        """Give the address of an upload that had begun; one at another controller than today's is forgotten."""
        try:
            return self.door.address_of(upload) if upload else None
        except LinkError:
            return None

    def _exchange(
        self, state: tus.ClientUpload, parcel: Parcel, permit: Permit
    ) -> tuple[tus.ClientUpload, tus.Outcome]:
        asked = state.next_request()
        answer, request = self._ask(asked, parcel, permit)
        try:
            reply = tus.Reply(answer.status, tus.Headers(dict(answer.headers)), answer.body)
            state, outcome = state.receive(asked, reply)
        except tus.TusRemoteError as error:
            raise LinkError(f"{request.method} {request.path}: the answer breaks tus: {error}") from error
        _raise_refusal(outcome, request, answer)
        if not isinstance(outcome, tus.Advanced | tus.Created):
            log.debug("%s %s: %s", request.method, request.path, outcome)
        return state, outcome

    def _ask(self, asked: tus.ClientRequest, parcel: Parcel, permit: Permit) -> tuple[Answer, Request]:
        request = Request(asked.method, asked.url, {**dict(asked.headers), **lease_header(permit.line())})
        if asked.part is None:
            return self.door.ask(request), request
        with parcel.open() as file:
            file.seek(asked.part.offset)
            body = PacedBody(file, asked.part.length, pacer=self.pacer, rate_bps=permit.rate_bps)
            return self._send_measured(replace(request, body=body), asked.part.length, permit), request

    def _send_measured(self, request: Request, size_bytes: int, permit: Permit) -> Answer:
        lease_bps, began_s = permit.rate_bps(), self.pacer.now_s()
        answer = self.door.ask(request)
        if 200 <= answer.status < 300:
            ended_s = self.pacer.now_s()
            self.gauge.note(Piece(size_bytes=size_bytes, began_s=began_s, ended_s=ended_s, lease_bps=lease_bps))
        return answer


def _raise_refusal(outcome: tus.Outcome, request: Request, answer: Answer) -> None:
    """Raise what ends this attempt; what can be mended by asking for the offset again passes."""
    if isinstance(outcome, tus.StartOver):
        raise UploadGoneError(f"{request.method} {request.path}: {outcome.reason}")
    if isinstance(outcome, tus.GaveUp | tus.RetryLater) and answer.status != CHECKSUM_MISMATCH:
        require_success(request, answer)
    if isinstance(outcome, tus.GaveUp):
        raise LinkError(f"{request.method} {request.path}: {outcome.reason}")
