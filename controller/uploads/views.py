"""The units' door: manifest, uploads (tus 1.0), lease and receipt, as docs/protocol/uploads.md defines them.

Glue alone: who asks is decided by caller.py, what tus answers by protocol.tus, where bytes stay by incoming.py, what
becomes of a whole object by arrivals.py. Bodies are streamed and never held in memory.
"""

from __future__ import annotations

import time
from http import HTTPStatus

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from controller.connections import connection_of
from controller.devices.policy import Need
from controller.errors import Refusal
from controller.recordings import receipts
from controller.recordings.models import Recording
from controller.services import Services
from controller.uploads import asking, leases, spools
from controller.uploads.arrivals import Arrivals
from controller.uploads.base_views import SIGNED_LINES, answer_json, answer_refusal, answer_tus, drain_body, refusing
from controller.uploads.caller import Callers
from controller.uploads.incoming import BodyTooLongError, ChecksumMismatchError, Claim, IncomingStore
from controller.uploads.ingress import Ingress, LeasedBody, Timing
from controller.uploads.models import Upload, UploadState
from controller.uploads.partial import PartialFiles
from protocol import backlog, tus
from protocol.documents import Lease
from protocol.errors import ProtocolError
from protocol.ids import parse_id

MANIFEST_LIMIT_BYTES = 16 * 1024 * 1024
MANIFEST_BLOCK_BYTES = 64 * 1024
PREFIX = "/units/v1"
TUS_METHODS = ["OPTIONS", "HEAD", "PATCH", "DELETE", "POST", "GET", "PUT"]


def register(app: Flask, services: Services, files: PartialFiles | None = None) -> None:
    """Add the units' endpoints to an application; `files` is the door to the disk of what arrives."""
    incoming = IncomingStore(services.config.controller.data / "incoming", files)
    views = UploadViews(services, incoming)
    rooms = Blueprint("uploads", __name__, url_prefix=PREFIX)
    rules = (
        ("/uploads", views.collection, TUS_METHODS),
        ("/uploads/<upload>", views.upload, TUS_METHODS),
        ("/recordings/<recording>/manifest", views.manifest, ["PUT"]),
        ("/recordings/<recording>/receipt", views.receipt, ["GET"]),
        ("/lease", views.lease, ["GET"]),
    )
    for path, view, methods in rules:
        rooms.add_url_rule(path, view_func=refusing(view), methods=methods, provide_automatic_options=False)
    app.register_blueprint(rooms)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.extensions["backrow-arrivals"] = views.arrivals
    app.extensions["backrow-line-meter"] = views.line_meter


class UploadViews:
    """The endpoints, bound to the parts of the controller."""

    def __init__(self, services: Services, incoming: IncomingStore) -> None:
        self._services = services
        self._incoming = incoming
        self._callers = Callers(services)
        self._ingress = Ingress(services, Timing(time.monotonic, time.sleep))
        self.line_meter = self._ingress.meter
        self.arrivals = Arrivals(services, incoming)
        self._rules = tus.Rules(services.config.uploads.max_object_bytes)

    def lease(self) -> Response:
        """Give the lease in force, or 204; what the unit says of its spool is noted either way."""
        device = self._callers.require_unit(request.environ, Need.DELIVERY)
        said = spools.read_header(request.headers.get(backlog.HEADER))
        spools.note_asking(self._services, device, said)
        with self._services.database.reading() as session:
            line = leases.current_line(session, device, self._services.clock())
        if line:
            return _signed(line)
        after_s = str(asking.seconds_until_worth_while(self._services, device))
        return Response(status=HTTPStatus.NO_CONTENT, headers={"Retry-After": after_s})

    def manifest(self, recording: str) -> Response:
        """Take in a manifest and tell which objects are wanted."""
        lease = self._callers.require_lease(request.environ)
        recording = _parse_recording(recording)
        with self._ingress.body(lease, request.environ["wsgi.input"]) as body:
            data = _read_limited(body, MANIFEST_LIMIT_BYTES)
        announced = self.arrivals.announce(lease.device, recording, data)
        return answer_json({"lines": announced.lines, "wanted": list(announced.wanted)})

    def receipt(self, recording: str) -> Response:
        """Give the newest receipt."""
        device = self._callers.require_lease(request.environ).device
        recording = _parse_recording(recording)
        with self._services.database.reading() as session:
            row = session.get(Recording, recording)
        line = receipts.receipt_of(self._services, recording) if row and row.device == device else None
        if line is None:
            detail = f"nothing of recording {recording} is held for this device"
            raise Refusal(HTTPStatus.NOT_FOUND, "receipt_unknown", detail)
        return _signed(line)

    def collection(self) -> Response:
        """Make an upload (POST), or say what this server does (OPTIONS)."""
        asked = _tus_request()
        decision = tus.decide_on_collection(asked, rules=self._rules)
        if asked.effective_method == "OPTIONS" and isinstance(decision, tus.Response):
            return answer_tus(decision)
        lease = self._callers.require_lease(request.environ)
        if isinstance(decision, tus.Response):
            return answer_tus(decision)
        claim = self.arrivals.create(lease.device, decision.length, decision.metadata)
        state = self._append(lease, claim, decision.body) if decision.body else claim.upload
        if isinstance(state, Response):
            return state
        return answer_tus(tus.respond_created(state, location=f"{PREFIX}/uploads/{state.id}"))

    def upload(self, upload: str) -> Response:
        """Serve one upload: HEAD, PATCH, DELETE."""
        asked = _tus_request()
        if asked.effective_method == "OPTIONS":
            return answer_tus(tus.respond_options(self._rules))
        lease = self._callers.require_lease(request.environ)
        found = self.arrivals.find(lease.device, upload)
        target = found.upload if isinstance(found, Claim) else _describe_ended(found)
        decision = tus.decide_on_upload(asked, target, rules=self._rules, now=self._services.clock())
        if isinstance(decision, tus.Response):
            return answer_tus(decision)
        if not isinstance(found, Claim):  # taken in: nothing is left to write or to remove
            return _answer_taken_in(target, decision)
        if isinstance(decision, tus.Terminate):
            self._incoming.discard(found.upload.id)
            return answer_tus(tus.respond_terminated())
        state = self._append(lease, found, decision)
        return state if isinstance(state, Response) else answer_tus(tus.respond_appended(state))

    def _append(self, lease: Lease, claim: Claim, accept: tus.Accept) -> tus.UploadState | Response:
        """Write the body; when the upload is whole, take the object in. Gives a response when the body is refused."""
        try:
            with self._ingress.body(lease, request.environ["wsgi.input"]) as body:
                written = self._write(claim, accept, body)
        except ChecksumMismatchError:
            return answer_tus(tus.respond_mismatch(claim.upload))
        except BodyTooLongError:
            return answer_tus(tus.respond_too_long(claim.upload))
        if written.upload.is_complete:
            self.arrivals.finish(written)
        return written.upload

    def _write(self, claim: Claim, accept: tus.Accept, body: LeasedBody) -> Claim:
        return self._incoming.append(
            claim,
            body,
            limit_bytes=accept.limit_bytes,
            checksum=accept.checksum,
            stop_reading=connection_of(request.environ).stop_reading,
        )


def _tus_request() -> tus.Request:
    return tus.Request(request.method, tus.Headers(list(request.headers.items())))


def _describe_ended(row: Upload | None) -> tus.UploadState | tus.Gone | None:
    if row is None:
        return None
    if row.state is UploadState.QUARANTINED:
        return tus.Gone(f"it was not what the recorder signed and is quarantined: {row.detail}")
    metadata = {"recording": row.recording.encode(), "index": str(row.object_index).encode()}
    return tus.UploadState(row.id, row.size_bytes, row.size_bytes, metadata=metadata)


def _answer_taken_in(target: object, decision: tus.Accept | tus.Terminate) -> Response:
    drain_body()
    if isinstance(decision, tus.Terminate):
        return answer_tus(tus.respond_terminated())
    assert isinstance(target, tus.UploadState)
    return answer_tus(tus.respond_appended(target))


def _answer_http_error(error: HTTPException) -> Response:
    """Answer an address or a method that is not here, and our own mistakes, in the form of all refusals."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    answer = answer_refusal(status, HTTPStatus(status).name.lower(), error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            answer.headers[name] = value
    return answer


def _parse_recording(text: str) -> str:
    try:
        return parse_id(text, "recording")
    except ProtocolError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from None


def _read_limited(body: LeasedBody, limit_bytes: int) -> bytes:
    data = bytearray()
    while block := body.read(MANIFEST_BLOCK_BYTES):
        data += block
        if len(data) > limit_bytes:
            detail = f"expected a manifest of at most {limit_bytes} bytes"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long", detail)
    return bytes(data)


def _signed(line: bytes) -> Response:
    return Response(line, mimetype=SIGNED_LINES, headers={"Cache-Control": "no-store"})
