"""The answers of a tus server, one function for each: what the I/O side sends once its work is done.

The first part answers a success, the second refuses in plain words. Every answer carries `Tus-Resumable` and
`Cache-Control: no-store`, because an offset that a proxy remembered would be a lie. Source: the tus 1.0 specification.
"""

from __future__ import annotations

from collections.abc import Iterable

from protocol.tus.exchange import CHECKSUM_MISMATCH, EXTENSIONS, Response, Rules, UploadState
from protocol.tus.headers import CHECKSUM_ALGORITHMS, VERSION, encode_http_date, encode_metadata

Pairs = Iterable[tuple[str, str]]


def respond_created(upload: UploadState, *, location: str) -> Response:
    """Answer a creation: where the upload lives, and how many bytes of it are durable already."""
    offset = ("Upload-Offset", str(upload.offset))
    return _respond(201, [("Location", location), offset, *_expiry(upload)])


def respond_state(upload: UploadState) -> Response:
    """Answer HEAD: offset, length, metadata as given at creation, expiry."""
    headers = [("Upload-Offset", str(upload.offset)), ("Upload-Length", str(upload.length)), *_expiry(upload)]
    if upload.metadata:
        headers.append(("Upload-Metadata", encode_metadata(upload.metadata)))
    return _respond(200, headers)


def respond_appended(upload: UploadState) -> Response:
    """Answer a PATCH whose bytes are durable: `upload` is the state after it."""
    return _respond(204, [("Upload-Offset", str(upload.offset)), *_expiry(upload)])


def respond_terminated() -> Response:
    """Answer a DELETE: the upload is gone."""
    return _respond(204)


def respond_options(rules: Rules) -> Response:
    """Answer OPTIONS with what this server truly does."""
    return _respond(
        204,
        [
            ("Tus-Version", VERSION),
            ("Tus-Extension", ",".join(EXTENSIONS)),
            ("Tus-Max-Size", str(rules.largest_upload_bytes)),
            ("Tus-Checksum-Algorithm", ",".join(CHECKSUM_ALGORITHMS)),
        ],
    )


def respond_mismatch(upload: UploadState) -> Response:
    """Refuse a body that does not hash to its `Upload-Checksum`; it was discarded."""
    words = f"The body does not match its Upload-Checksum and was discarded. Send it again from {upload.offset}."
    return refuse(CHECKSUM_MISMATCH, words, [("Upload-Offset", str(upload.offset))])


def respond_conflict(upload: UploadState, *, got: int) -> Response:
    """Refuse a PATCH that does not begin where the upload stands; nothing was touched."""
    words = f"Upload-Offset: expected {upload.offset}, got {got}. Ask again with HEAD."
    return refuse(409, words, [("Upload-Offset", str(upload.offset))])


def respond_fenced() -> Response:
    """Refuse the rest of a body because a newer request for the same upload came in."""
    return refuse(409, "A newer request for this upload came in while this one was sending. Ask again with HEAD.")


def respond_too_long(upload: UploadState) -> Response:
    """Refuse a body that goes beyond the announced length; it was discarded whole."""
    words = (
        f"The body goes beyond Upload-Length {upload.length}; nothing of it was kept. The offset is {upload.offset}."
    )
    return refuse(413, words, [("Upload-Offset", str(upload.offset))])


def refuse(status: int, words: str, headers: Pairs = ()) -> Response:
    """Refuse with a status and plain words, for example 403 without a lease, 423 while busy, 507 on a full disk."""
    answer = _respond(status, [*headers, ("Content-Type", "text/plain; charset=utf-8")])
    return Response(answer.status, answer.headers, f"{words}\n".encode())


def _respond(status: int, headers: Pairs = ()) -> Response:
    return Response(status, (("Tus-Resumable", VERSION), ("Cache-Control", "no-store"), *headers))


def _expiry(upload: UploadState) -> list[tuple[str, str]]:
    if upload.expires_at is None or upload.is_complete:
        return []
    return [("Upload-Expires", encode_http_date(upload.expires_at))]
