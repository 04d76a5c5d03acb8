"""What all views of the units' door share: refusals as JSON, and the rest of a refused body read away.

A client that is still sending may not hear an answer from a connection that is closed on it; so a short rest of a body
that nobody wants is read and dropped before the refusal goes out. A long one is not: it would take the line from
others, and after the end of a lease nothing may come in. The answer is sent, the connection closed, and the client asks
again.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from flask import Response, request
from sqlalchemy.exc import OperationalError

from controller.connections import connection_of
from controller.db import is_disk_full
from controller.errors import Refusal
from controller.uploads.incoming import (
    FencedError,
    StoreFaultError,
    UploadBusyError,
    UploadNotFoundError,
)
from controller.uploads.ingress import LeaseOverError
from protocol import tus

SIGNED_LINES = "application/vnd.backrow.signed-lines"
MOST_DROPPED_BYTES = 16 * 1024
_TUS_CODES = {
    400: "malformed",
    404: "upload_unknown",
    405: "method",
    409: "offset_conflict",
    410: "upload_gone",
    412: "tus_version",
    413: "too_long",
    415: "content_type",
    460: "checksum_mismatch",
}

log = logging.getLogger(__name__)
P = ParamSpec("P")


def answer_tus(response: tus.Response) -> Response:
    """Send what tus decided; its refusals keep their status and headers and get our JSON body."""
    code = _TUS_CODES.get(response.status)
    if code is None or not response.body:
        return Response(response.body, response.status, list(response.headers))
    refusal = answer_refusal(response.status, code, response.body.decode().strip())
    for name, value in response.headers:
        if name.lower() != "content-type":
            refusal.headers[name] = value
    return refusal


def answer_refusal(status: int, code: str, detail: str) -> Response:
    """Refuse with a code for programs and words for people."""
    drain_body()
    return answer_json({"error": code, "detail": detail}, status)


def answer_json(value: object, status: int = HTTPStatus.OK) -> Response:
    """Answer with JSON that nobody may keep."""
    response = Response(json.dumps(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def drain_body() -> None:
    """Read away a short rest of the request's body, and end the connection where more is left.

    A connection that breaks meanwhile needs no answer.
    """
    body, connection = request.environ["wsgi.input"], connection_of(request.environ)
    if getattr(body, "remaining", 0) > MOST_DROPPED_BYTES:  # cheroot's, which tells
        connection.end()
        return
    dropped = 0
    try:
        while dropped <= MOST_DROPPED_BYTES and (block := body.read(MOST_DROPPED_BYTES)):
            dropped += len(block)
    except (OSError, ValueError):
        log.info("the connection broke while the rest of a refused body was read")
    if dropped > MOST_DROPPED_BYTES:
        connection.end()


def _answer_disk(error: StoreFaultError | OperationalError | OSError) -> Response:
    """Answer when the disk or the database refuses: it is full, or others held it for too long. The unit waits."""
    log.exception("the disk refused")
    if isinstance(error, OperationalError) and not is_disk_full(error):
        return answer_refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "the controller's database is busy")
    words = "it is full" if isinstance(error, OperationalError) else str(error)
    return answer_refusal(HTTPStatus.INSUFFICIENT_STORAGE, "full", f"the controller's disk refused: {words}")


def refusing(view: Callable[P, Response]) -> Callable[P, Response]:
    """Turn what a view raises about the request into its answer."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return view(*args, **kwargs)
        except LeaseOverError as over:
            connection_of(request.environ).end()
            return answer_json({"error": over.code, "detail": over.detail}, over.status)
        except Refusal as refusal:
            return answer_refusal(refusal.status, refusal.code, refusal.detail)
        except UploadNotFoundError:
            return answer_tus(tus.refuse(404, "There is no such upload. Create it again."))
        except FencedError:
            return answer_tus(tus.respond_fenced())
        except UploadBusyError as error:
            return answer_refusal(HTTPStatus.LOCKED, "busy", str(error))
        except (ConnectionError, TimeoutError, ssl.SSLError):
            raise  # the unit is gone; the server ends the connection
        except (StoreFaultError, OperationalError, OSError) as error:
            return _answer_disk(error)

    return wrapper
