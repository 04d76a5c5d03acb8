"""tus 1.0, resumable uploads: a core without I/O for both roles. Bytes, sockets, files and clocks stay outside.

A server asks for a decision and carries out what it says; `store` keeps the bytes (controller/uploads/incoming.py):

    def answer(environ, upload_id):  # HEAD, PATCH, DELETE, OPTIONS at the address of one upload
        request = tus.Request(environ["REQUEST_METHOD"], tus.Headers(header_pairs(environ)))
        try:
            claim = store.claim(upload_id)  # fences an older writer; what it tells is durable
        except UploadNotFoundError:
            claim = None  # tus.Gone("...") for one that is known to have been here
        target = claim.upload if claim else None
        match tus.decide_on_upload(request, target, rules=tus.Rules(largest_upload_bytes=2**31), now=clock()):
            case tus.Accept(limit_bytes=limit, checksum=checksum):
                try:
                    return tus.respond_appended(store.append(claim, body, limit_bytes=limit, checksum=checksum).upload)
                except ChecksumMismatchError:
                    return tus.respond_mismatch(target)
                except BodyTooLongError:
                    return tus.respond_too_long(target)
                except FencedError:
                    return tus.respond_fenced()
            case tus.Terminate():
                store.discard(upload_id)
                return tus.respond_terminated()
            case response:  # the answer to HEAD and OPTIONS, and every refusal: send it as it stands
                return response

At the address where uploads are made, `decide_on_collection` gives a `Response` or a `Create`, answered by
`respond_created`. A client drives a `ClientUpload`; see client.py. Both sides' promises: docs/protocol/uploads.md.
"""

from protocol.tus.client import (
    Advanced,
    AskAgain,
    ClientRequest,
    ClientUpload,
    Created,
    GaveUp,
    LostBytes,
    Outcome,
    Part,
    Phase,
    Reply,
    RetryLater,
    StartOver,
)
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
    "Advanced",
    "AskAgain",
    "Checksum",
    "ClientRequest",
    "ClientUpload",
    "Create",
    "Created",
    "GaveUp",
    "Gone",
    "HeaderError",
    "Headers",
    "LostBytes",
    "Outcome",
    "Part",
    "Phase",
    "Reply",
    "Request",
    "Response",
    "RetryLater",
    "Rules",
    "StartOver",
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
