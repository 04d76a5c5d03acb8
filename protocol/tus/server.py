"""The server's half of tus 1.0: which answer or which instruction each request calls for.

Pure: a request, the state of its upload and the time go in; a `Response` to send or an instruction to carry out comes
out. A refusal never asks for a change, so that it leaves the upload as it was. The order of the checks is: version,
existence, form, offset, length. Source: the tus 1.0 specification with creation, creation-with-upload, checksum,
expiration and termination.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from protocol.tus.errors import HeaderError
from protocol.tus.exchange import Accept, Create, Gone, Request, Response, Rules, Terminate, UploadState
from protocol.tus.headers import (
    CONTENT_TYPE,
    VERSION,
    Checksum,
    parse_checksum,
    parse_count,
    parse_metadata,
    parse_optional_count,
)
from protocol.tus.responses import refuse, respond_conflict, respond_options, respond_state, respond_too_long

Target = UploadState | Gone | None
P = ParamSpec("P")
T = TypeVar("T")


class _RefusalError(Exception):
    """Leaves a decision early with the response that ends it; never leaves this module."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def _decision(decide: Callable[P, T]) -> Callable[P, T | Response]:
    """Turn a malformed header (400) and every refusal inside a decision into the response to send."""

    @wraps(decide)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T | Response:
        try:
            return decide(*args, **kwargs)
        except HeaderError as error:
            return refuse(400, str(error))
        except _RefusalError as refusal:
            return refusal.response

    return wrapper


def decide_on_collection(request: Request, *, rules: Rules) -> Response | Create:
    """Decide any request to the address at which uploads are made: OPTIONS or POST, else 405."""
    match request.effective_method:
        case "OPTIONS":
            return decide_options(rules)
        case "POST":
            return decide_creation(request, rules=rules)
        case method:
            return _wrong_method(method, allowed="OPTIONS, POST")


def decide_on_upload(request: Request, target: Target, *, rules: Rules, now: datetime) -> Response | Accept | Terminate:
    """Decide any request to the address of one upload: OPTIONS, HEAD, PATCH or DELETE, else 405."""
    match request.effective_method:
        case "OPTIONS":
            return decide_options(rules)
        case "HEAD":
            return decide_head(request, target, now=now)
        case "PATCH":
            return decide_patch(request, target, now=now)
        case "DELETE":
            return decide_delete(request, target, now=now)
        case method:
            return _wrong_method(method, allowed="OPTIONS, HEAD, PATCH, DELETE")


def decide_options(rules: Rules) -> Response:
    """Decide OPTIONS; any `Tus-Resumable` in the request is ignored, as the specification asks."""
    return respond_options(rules)


@_decision
def decide_creation(request: Request, *, rules: Rules) -> Create:
    """Decide POST: `Create` (with the body's bytes, if it has any), or 400, 412, 413, 415."""
    _require_version(request)
    _refuse_what_we_do_not_do(request)
    length = parse_count(request.headers, "Upload-Length")
    if length > rules.largest_upload_bytes:
        words = f"Upload-Length: expected at most {rules.largest_upload_bytes} bytes, got {length}"
        raise _RefusalError(refuse(413, words))
    metadata = parse_metadata(request.headers.get("Upload-Metadata", ""))
    upload = UploadState(id="", length=length, offset=0)
    return Create(length, metadata, None if request.body_bytes == 0 else _accept(request, upload))


@_decision
def decide_head(request: Request, target: Target, *, now: datetime) -> Response:
    """Decide HEAD: 200 with the durable offset, or 404, 410, 412; the body is always empty."""
    try:
        _require_version(request)
        return respond_state(_require_upload(target, now))
    except _RefusalError as refusal:
        return Response(refusal.response.status, refusal.response.headers)


@_decision
def decide_patch(request: Request, target: Target, *, now: datetime) -> Accept:
    """Decide PATCH: `Accept` at the upload's offset, or 400, 404, 409, 410, 412, 413, 415."""
    _require_version(request)
    upload = _require_upload(target, now)
    _require_content_type(request)
    offset = parse_count(request.headers, "Upload-Offset")
    if offset != upload.offset:
        raise _RefusalError(respond_conflict(upload, got=offset))
    _refuse_another_length(request, upload)
    return _accept(request, upload)


@_decision
def decide_delete(request: Request, target: Target, *, now: datetime) -> Terminate:
    """Decide DELETE: `Terminate`, or 404, 410, 412."""
    _require_version(request)
    _require_upload(target, now)
    return Terminate()


def _accept(request: Request, upload: UploadState) -> Accept:
    """Take the body at the upload's offset, unless its announced length already goes beyond the upload's."""
    _require_content_type(request)
    remaining, announced = upload.length - upload.offset, request.body_bytes
    if announced is not None and announced > remaining:
        raise _RefusalError(respond_too_long(upload))
    return Accept(upload.offset, remaining, _checksum(request))


def _checksum(request: Request) -> Checksum | None:
    value = request.headers.get("Upload-Checksum")
    return None if value is None else parse_checksum(value)


def _require_version(request: Request) -> None:
    got = request.headers.get("Tus-Resumable")
    if got == VERSION:
        return
    words = str(HeaderError("Tus-Resumable", expected=VERSION, got=got))
    raise _RefusalError(refuse(412, words, [("Tus-Version", VERSION)]))


def _require_upload(target: Target, now: datetime) -> UploadState:
    if target is None:
        raise _RefusalError(refuse(404, "There is no such upload. Create it again."))
    if isinstance(target, Gone):
        raise _RefusalError(refuse(410, f"This upload is gone: {target.reason}."))
    if target.is_expired(now):
        raise _RefusalError(refuse(410, "This upload was left unfinished for too long. Create it again."))
    return target


def _require_content_type(request: Request) -> None:
    if not request.is_tus_body:
        got = request.headers.get("Content-Type")
        raise _RefusalError(refuse(415, str(HeaderError("Content-Type", expected=CONTENT_TYPE, got=got))))


def _refuse_what_we_do_not_do(request: Request) -> None:
    if "Upload-Defer-Length" in request.headers:
        words = "Upload-Defer-Length: this server must know the length at creation. Send Upload-Length."
        raise _RefusalError(refuse(400, words))
    if "Upload-Concat" in request.headers:
        raise _RefusalError(refuse(400, "Upload-Concat: this server does not join uploads. Send one upload."))


def _refuse_another_length(request: Request, upload: UploadState) -> None:
    length = parse_optional_count(request.headers, "Upload-Length")
    if length not in (None, upload.length):
        raise _RefusalError(refuse(400, f"Upload-Length: expected {upload.length} as at creation, got {length}"))


def _wrong_method(method: str, *, allowed: str) -> Response:
    return refuse(405, f"Method {method[:30]!a} is not for this address. Allowed: {allowed}.", [("Allow", allowed)])
