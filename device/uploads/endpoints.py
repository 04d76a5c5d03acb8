"""What the uploader can ask of the controller: documents, lease, manifest, receipt; and how a refusal reads.

One method a row of the table in docs/ARCHITECTURE.md; uploads themselves are device/uploads/delivery.py. Signed lines
are handed on as they came: the document store verifies them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from device.uploads.client import Answer, Door, LinkError, Request
from protocol.tus.client import RETRIED_STATUSES

LEASE_HEADER = "Backrow-Lease"
LEASE_IS_OVER = ("lease_expired", "lease_fenced", "outside_window")


class RefusalError(Exception):
    """The controller answered and said no: the status, its code and its words."""

    def __init__(self, asked: str, status: int, code: str, detail: str) -> None:
        super().__init__(f"{asked}: the controller refused with {status} {code}: {detail}".rstrip(": "))
        self.status = status
        self.code = code


class LeaseRefusedError(RefusalError):
    """The lease no longer permits this (403): it ended, a newer one fenced it, or it is outside the window."""


class BusyError(RefusalError):
    """The controller cannot take anything now (5xx, 507 when it is full, 423, 429…): the same will do later."""


@dataclass(frozen=True)
class ManifestAnswer:
    """How many lines of a manifest the controller holds now, and which objects it wants."""

    lines: int
    wanted: tuple[int, ...]


class Endpoints:
    """The controller's requests for units, through one door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def documents(self, said: Mapping[str, str]) -> tuple[bytes, ...]:
        """Fetch the newest keyring, recipients, policy, withdrawal, undos and commands in force, a signed line each;
        `said` are headers."""
        answer = self._ask(Request("GET", "units/v1/documents", dict(said)))
        return tuple(answer.body.splitlines(keepends=True))

    def lease(self, said: Mapping[str, str]) -> bytes | None:
        """Fetch the signed line of the lease in force, or None when there is none; `said` are headers."""
        answer = self._ask(Request("GET", "units/v1/lease", dict(said)))
        return answer.body if answer.status == HTTPStatus.OK else None

    def signed_time(self, nonce: str, lease: bytes | None) -> bytes:
        """Fetch the school's signed time for a nonce; a lease names the unit where TLS ends elsewhere."""
        return self._ask(Request("GET", f"units/v1/time/{nonce}", lease_header(lease) if lease else {})).body

    def put_epochs(self, line: bytes, lease: bytes | None) -> None:
        """Send the recorder's statement of epochs; a lease names the unit where TLS ends elsewhere."""
        headers = lease_header(lease) if lease else {}
        self._ask(Request("PUT", "units/v1/epochs", {**headers, "Content-Type": "application/octet-stream"}, line))

    def put_manifest(self, recording: str, manifest: bytes, lease: bytes) -> ManifestAnswer:
        """Send a whole manifest and learn what is wanted."""
        headers = {**lease_header(lease), "Content-Type": "application/octet-stream"}
        path = f"units/v1/recordings/{recording}/manifest"
        answer = self._ask(Request("PUT", path, headers, manifest))
        return _parse_manifest_answer(answer, path)

    def receipt(self, recording: str, lease: bytes) -> bytes | None:
        """Fetch the signed line of the newest receipt of a recording, or None when there is none yet."""
        request = Request("GET", f"units/v1/recordings/{recording}/receipt", lease_header(lease))
        answer = self._door.ask(request)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return require_success(request, answer).body

    def _ask(self, request: Request) -> Answer:
        return require_success(request, self._door.ask(request))


def lease_header(lease: bytes) -> dict[str, str]:
    """Give the header that carries a lease's signed line, without its line feed."""
    return {LEASE_HEADER: lease.decode("ascii").rstrip("\n")}


def require_success(request: Request, answer: Answer) -> Answer:
    """Give the answer back when its status is 2xx; raise the fitting `RefusalError` otherwise."""
    if 200 <= answer.status < 300:
        return answer
    code, detail = _parse_refusal(answer)
    kind = RefusalError
    if code in LEASE_IS_OVER or (answer.status == HTTPStatus.FORBIDDEN and not code):  # HEAD is answered without words
        kind = LeaseRefusedError
    elif answer.status >= 500 or answer.status in RETRIED_STATUSES:
        kind = BusyError
    raise kind(f"{request.method} {request.path}", answer.status, code, detail)


def _parse_refusal(answer: Answer) -> tuple[str, str]:
    try:
        words: Any = json.loads(answer.body)
        return str(words["error"])[:80], str(words["detail"])[:400]
    except (ValueError, KeyError, TypeError):
        return "", answer.body[:200].decode("utf-8", "replace").strip()


def _parse_manifest_answer(answer: Answer, path: str) -> ManifestAnswer:
    try:
        words: Any = json.loads(answer.body)
        lines, wanted = words["lines"], words["wanted"]
    except (ValueError, KeyError, TypeError):
        lines, wanted = None, None
    if type(lines) is not int or not isinstance(wanted, list) or any(type(one) is not int for one in wanted):
        raise LinkError(f'PUT {path}: expected {{"lines": n, "wanted": [...]}}, got {answer.body[:120]!r}')
    return ManifestAnswer(lines, tuple(wanted))
