"""A small controller for uploader tests: a real HTTP server on loopback, in memory, with faults on demand.

It keeps the rules of docs/protocol/uploads.md with protocol.tus in the server's role, so that the uploader is tested
against the contract and not against the product's controller. `faults` are used up one after the other.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from protocol import tus
from protocol.backlog import HEADER as BACKLOG
from protocol.backlog import Backlog, parse_backlog
from protocol.board import HEADER as BOARD
from protocol.counters import HEADER as COUNTERS
from protocol.documents import Lease, verify_document
from protocol.errors import ProtocolError
from protocol.manifest import ForkError, Manifest, parse_manifest, require_extension
from protocol.signing import VerifyingKey
from tests.fakes.listener import LoopbackListener
from tests.school import School, receipt_items

PREFIX = "/units/v1"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next request of a method, to a path that ends in `path`.

    `status` answers so instead of working; `cut_after` takes so many bytes of the body, then cuts the connection;
    `lose_answer` works and then cuts; `damage` flips a byte of what arrived; `action` runs before anything else.
    """

    method: str
    path: str = ""
    status: int | None = None
    code: str = "made_up"
    cut_after: int | None = None
    lose_answer: bool = False
    damage: bool = False
    action: Callable[[], None] | None = None


@dataclass
class Upload:
    """An upload that is arriving."""

    id: str
    recording: str
    index: int
    length: int
    data: bytearray = field(default_factory=bytearray)
    gone: bool = False

    @property
    def state(self) -> tus.UploadState:
        """Give it as tus sees it."""
        return tus.UploadState(self.id, self.length, len(self.data))


@dataclass(frozen=True)
class Asked:
    """One request that came, and how it was answered (0: the connection was cut)."""

    method: str
    path: str
    status: int
    body_bytes: int
    counters: str = ""
    board: str = ""
    backlog: Backlog | None = None
    at: datetime | None = None


class Ingest:
    """What the controller holds; every method is called under one lock."""

    def __init__(self, school: School, recorder: VerifyingKey, now: Callable[[], datetime]) -> None:
        self.school = school
        self.recorder = recorder
        self.now = now
        self.lease_line: bytes | None = None
        self.grant_lease: Callable[[Backlog | None], bytes | None] | None = None
        self.documents: tuple[bytes, ...] = (school.keyring, school.recipients)
        self.fence = 0
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self.held: dict[tuple[str, int], bytes] = {}
        self.quarantined: list[tuple[str, int]] = []
        self.destroyed: set[str] = set()
        self.statements: list[bytes] = []
        self.tell_time: Callable[[str], bytes] | None = None  # the answer to a nonce; None: the release before
        self.keep_lines: int | None = None  # keep so many lines of a manifest, and say so
        self.receipts = 0
        self.withhold_receipts = False
        self.forged_receipt: bytes | None = None
        self.faults: deque[Fault] = deque()
        self.asked: list[Asked] = []
        self.lock = threading.RLock()

    def manifest(self, recording: str) -> Manifest:
        """Give the verified manifest."""
        return parse_manifest(self.manifests[recording], self.recorder)

    def wanted(self, recording: str) -> list[int]:
        """List what the manifest names and is not held; nothing of a recording that its owner had destroyed."""
        if recording in self.destroyed:
            return []
        return [index for index in self.manifest(recording).objects() if (recording, index) not in self.held]

    def lose(self, recording: str, index: int) -> None:
        """Lose an object, as a disk that fails does."""
        del self.held[recording, index]

    def count(self, method: str, path: str = "") -> int:
        """Count requests of a method to a path that contains `path`."""
        return sum(1 for one in self.asked if one.method == method and path in one.path)

    def take_fault(self, method: str, path: str) -> Fault:
        """Give the fault that this request meets."""
        with self.lock:
            if self.faults and self.faults[0].method == method and path.endswith(self.faults[0].path):
                return self.faults.popleft()
        return Fault(method)

    def finish(self, upload: Upload) -> bool:
        """Hold an upload that is whole, or quarantine it when it is not what the manifest says."""
        expected = self.manifest(upload.recording).expected(upload.index)
        if expected != (hashlib.sha256(upload.data).hexdigest(), len(upload.data)):
            self.quarantined.append((upload.recording, upload.index))
            upload.gone = True
            return False
        self.held[upload.recording, upload.index] = bytes(upload.data)
        return True

    def receipt(self, recording: str) -> bytes | None:
        """Sign a receipt for what is held."""
        if recording not in self.manifests or self.withhold_receipts:
            return None
        if self.forged_receipt:
            return self.forged_receipt
        manifest = self.manifest(recording)
        self.receipts += 1
        gone = recording in self.destroyed
        items = [item for item in receipt_items(manifest) if gone or (recording, item.index) in self.held]
        return self.school.issue_receipt(manifest, items=items, version=self.receipts)


class Cut(Exception):  # not an error: the made-up link is cut on purpose
    """The connection ends here, without an answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True  # heads and bodies are written apart: each answer would wait 40 ms for an ACK
    server: IngestServer

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_POST(self) -> None:
        self._serve(self._post)

    def do_HEAD(self) -> None:
        self._serve(self._on_upload)

    def do_PATCH(self) -> None:
        self._serve(self._on_upload)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the controller's time, as `Date` does."""
        return format_datetime(self.ingest.now(), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent; `asked` is the log."""

    @property
    def ingest(self) -> Ingest:
        return self.server.ingest

    def _serve(self, work: Callable[[Fault], tus.Response]) -> None:
        fault = self.ingest.take_fault(self.command, self.path)
        try:
            if fault.action:
                fault.action()
            if fault.status:
                self._drain()
                response = _refuse(fault.status, fault.code)
            else:
                response = self._lease_refusal() or work(fault)
            if fault.lose_answer:
                raise Cut
        except (Cut, ConnectionError):
            self._note(0)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(response)

    def _answer(self, response: tus.Response) -> None:
        self._note(response.status)
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _note(self, status: int) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        waiting = self.headers.get(BACKLOG)
        said = {"counters": self.headers.get(COUNTERS, ""), "board": self.headers.get(BOARD, "")}
        backlog = parse_backlog(waiting) if waiting is not None else None
        asked = Asked(self.command, self.path, status, length, **said, backlog=backlog, at=self.ingest.now())
        self.ingest.asked.append(asked)

    def _lease_refusal(self) -> tus.Response | None:
        if self.command == "GET" and self.path.startswith(
            (f"{PREFIX}/lease", f"{PREFIX}/documents", f"{PREFIX}/time/")
        ):
            return None
        code = self._judge_lease()
        if code is None:
            return None
        self._drain()
        return _refuse(403, code)

    def _judge_lease(self) -> str | None:
        text = self.headers.get("Backrow-Lease")
        if not text:
            return "lease_missing"
        try:
            lease = verify_document(Lease, text.encode() + b"\n", self.ingest.school.trust)
        except ProtocolError:
            return "lease_foreign"
        if lease.fence < self.ingest.fence:
            return "lease_fenced"
        return None if lease.not_before <= self.ingest.now() < lease.not_after else "lease_expired"

    def _drain(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _get(self, _fault: Fault) -> tus.Response:
        if self.path == f"{PREFIX}/documents":
            return tus.Response(200, (), b"".join(self.ingest.documents))
        if self.path == f"{PREFIX}/lease":
            grant = self.ingest.grant_lease
            waiting = self.headers.get(BACKLOG)
            line = grant(parse_backlog(waiting) if waiting else None) if grant else self.ingest.lease_line
            return tus.Response(200, (), line) if line else tus.Response(204)
        if self.path.startswith(f"{PREFIX}/time/"):
            tell = self.ingest.tell_time
            return tus.Response(200, (), tell(self.path.rsplit("/", 1)[1])) if tell else _refuse(404, "not_found")
        with self.ingest.lock:
            line = self.ingest.receipt(self.path.split("/")[4])
        return tus.Response(200, (), line) if line else _refuse(404, "receipt_unknown")

    def _put(self, _fault: Fault) -> tus.Response:
        if self.path == f"{PREFIX}/epochs":
            self.ingest.statements.append(self._drain())
            return tus.Response(204)
        recording, data, ingest = self.path.split("/")[4], self._drain(), self.ingest
        data = b"".join(data.splitlines(keepends=True)[: ingest.keep_lines])
        try:
            manifest = parse_manifest(data, ingest.recorder)
            require_extension(ingest.manifests.get(recording, b""), data, recording)
        except ForkError:
            return _refuse(409, "fork")
        except ProtocolError as error:
            return _refuse(422, "manifest_refused", str(error))
        with ingest.lock:
            ingest.manifests[recording] = max(data, ingest.manifests.get(recording, b""), key=len)
            answer = {"lines": len(manifest.lines), "wanted": ingest.wanted(recording)}
        return tus.Response(200, (), json.dumps(answer).encode())

    def _post(self, _fault: Fault) -> tus.Response:
        decision = tus.decide_on_collection(self._request(), rules=tus.Rules(2**31))
        if not isinstance(decision, tus.Create):
            return decision if isinstance(decision, tus.Response) else _refuse(500, "made_up")
        with self.ingest.lock:
            recording, index = decision.metadata["recording"].decode(), int(decision.metadata["index"])
            upload = Upload(f"u{len(self.ingest.uploads) + 1}", recording, index, decision.length)
            self.ingest.uploads[upload.id] = upload
        return tus.respond_created(upload.state, location=f"{PREFIX}/uploads/{upload.id}")

    def _on_upload(self, fault: Fault) -> tus.Response:
        upload = self.ingest.uploads.get(self.path.rsplit("/", 1)[1])
        target = tus.Gone("made up") if upload and upload.gone else upload.state if upload else None
        decision = tus.decide_on_upload(self._request(), target, rules=tus.Rules(2**31), now=self.ingest.now())
        if isinstance(decision, tus.Response):
            self._drain()
            return decision
        if upload is None or not isinstance(decision, tus.Accept):
            return _refuse(500, "made_up")
        self._append(upload, fault)
        with self.ingest.lock:
            if upload.state.is_complete and not self.ingest.finish(upload):
                return _refuse(422, "digest_mismatch", "it is quarantined")
        return tus.respond_appended(upload.state)

    def _append(self, upload: Upload, fault: Fault) -> None:
        """Take the body block by block; what came before a cut is kept."""
        left = int(self.headers["Content-Length"])
        taken = 0
        while left and (fault.cut_after is None or taken < fault.cut_after):
            most = left if fault.cut_after is None else min(left, fault.cut_after - taken)
            block = self.rfile.read1(min(most, 65536))
            if not block:
                raise Cut
            if fault.damage and taken == 0:
                block = bytes((block[0] ^ 1,)) + block[1:]
            upload.data += block
            taken, left = taken + len(block), left - len(block)
        if fault.cut_after is not None:
            raise Cut

    def _request(self) -> tus.Request:
        return tus.Request(self.command, tus.Headers(list(self.headers.items())))


def _refuse(status: int, code: str, detail: str = "made up") -> tus.Response:
    return tus.Response(status, (), json.dumps({"error": code, "detail": detail}).encode())


class IngestServer(LoopbackListener):
    """The server. With `tls` it requires a client certificate."""

    def __init__(self, ingest: Ingest, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(_Handler, tls=tls)
        self.ingest = ingest
