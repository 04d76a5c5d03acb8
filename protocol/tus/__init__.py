"""tus 1.0, resumable uploads: a core without I/O for both roles. Bytes, sockets, files and clocks stay outside.

A server asks for a decision and carries out what it says (`store` is whatever keeps the bytes):

    def patch(upload_id, environ):
        request = tus.Request(environ["REQUEST_METHOD"], tus.Headers(header_pairs(environ)))
        claim = store.claim(upload_id)  # fences an older writer; its offset is durable
        upload = tus.UploadState(upload_id, claim.length_bytes, claim.offset_bytes, claim.expires_at, claim.metadata)
        match tus.decide_on_upload(request, upload, rules=tus.Rules(2**40), now=clock.now()):
            case tus.Response() as response:  # HEAD, OPTIONS, and every refusal
                return response
            case tus.Terminate():
                store.discard(claim)
                return tus.respond_terminated()
            case tus.Accept() as accept:
                try:
                    offset = store.append(claim, body, limit_bytes=accept.limit_bytes, checksum=accept.checksum)
                except ChecksumMismatchError:
                    return tus.respond_mismatch(upload)
                except BodyTooLongError:
                    return tus.respond_too_long(upload)
                except FencedError:
                    return tus.respond_fenced()
                return tus.respond_appended(replace(upload, offset=offset))

`None` stands for an upload that is not known (404), `Gone` for one that once was (410). At the address where uploads
are made it is `decide_on_collection`, which gives a `Response` or a `Create`. What such a server promises is in
docs/protocol/uploads.md.
"""

from protocol.tus.errors import HeaderError, TusLocalError, TusRemoteError
from protocol.tus.exchange import (
    EXTENSIONS,
    Accept,
    Create,
    Gone,
    Request,
    Response,
    Rules,
    Terminate,
    UploadState,
)
from protocol.tus.headers import (
    CHECKSUM_ALGORITHMS,
    CONTENT_TYPE,
    VERSION,
    Checksum,
    Headers,
    checksum_of,
    encode_http_date,
    encode_metadata,
    parse_checksum,
    parse_http_date,
    parse_metadata,
)
from protocol.tus.responses import (
    refuse,
    respond_appended,
    respond_conflict,
    respond_created,
    respond_fenced,
    respond_mismatch,
    respond_options,
    respond_state,
    respond_terminated,
    respond_too_long,
)
from protocol.tus.server import (
    decide_creation,
    decide_delete,
    decide_head,
    decide_on_collection,
    decide_on_upload,
    decide_options,
    decide_patch,
)

__all__ = [
    "CHECKSUM_ALGORITHMS",
    "CONTENT_TYPE",
    "EXTENSIONS",
    "VERSION",
    "Accept",
    "Checksum",
    "Create",
    "Gone",
    "HeaderError",
    "Headers",
    "Request",
    "Response",
    "Rules",
    "Terminate",
    "TusLocalError",
    "TusRemoteError",
    "UploadState",
    "checksum_of",
    "decide_creation",
    "decide_delete",
    "decide_head",
    "decide_on_collection",
    "decide_on_upload",
    "decide_options",
    "decide_patch",
    "encode_http_date",
    "encode_metadata",
    "parse_checksum",
    "parse_http_date",
    "parse_metadata",
    "refuse",
    "respond_appended",
    "respond_conflict",
    "respond_created",
    "respond_fenced",
    "respond_mismatch",
    "respond_options",
    "respond_state",
    "respond_terminated",
    "respond_too_long",
]
