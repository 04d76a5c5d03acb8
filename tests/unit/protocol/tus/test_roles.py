"""Both roles against each other, with everything going wrong in between: the file always arrives, and arrives right."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import tus

NOW = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)
RULES = tus.Rules(largest_upload_bytes=1000)
ROOT = "http://school.example/uploads"


@dataclass
class MemoryServer:
    """A server that keeps its uploads in memory and carries out the decisions as any I/O side must."""

    uploads: dict[str, tuple[tus.UploadState, bytes]]

    def answer(self, request: tus.ClientRequest, body: bytes) -> tus.Reply:
        """Give the whole answer to one request."""
        question = tus.Request(request.method, tus.Headers(request.headers))
        response = self._create(question) if request.url == ROOT else self._act(question, request.url, body)
        return tus.Reply(response.status, tus.Headers(response.headers), response.body)

    def _create(self, question: tus.Request) -> tus.Response:
        decision = tus.decide_on_collection(question, rules=RULES)
        if isinstance(decision, tus.Response):
            return decision
        url = f"{ROOT}/{len(self.uploads)}"
        self.uploads[url] = (tus.UploadState(url, decision.length, 0), b"")
        return tus.respond_created(self.uploads[url][0], location=url)

    def _act(self, question: tus.Request, url: str, body: bytes) -> tus.Response:
        upload, kept = self.uploads.get(url, (None, b""))
        decision = tus.decide_on_upload(question, upload, rules=RULES, now=NOW)
        if not isinstance(decision, tus.Accept) or upload is None:
            assert isinstance(decision, tus.Response)
            return decision
        if decision.checksum and tus.checksum_of(body, decision.checksum.algorithm) != decision.checksum:
            return tus.respond_mismatch(upload)
        self.keep(url, kept + body)
        return tus.respond_appended(self.uploads[url][0])

    def keep(self, url: str, data: bytes) -> None:
        """Set what the server has of an upload."""
        self.uploads[url] = (replace(self.uploads[url][0], offset=len(data)), data)


FAULTS = st.lists(
    st.sampled_from(["none", "lost request", "lost answer", "half a body", "damaged body", "gone", "forgets", "busy"])
)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 120), FAULTS)
def test_file_arrives_whole_whatever_happens_on_the_way(data: bytes, chunk_bytes: int, faults: list[str]) -> None:
    """Lost requests and answers, broken and damaged bodies, forgetful and busy servers: the end is the same bytes."""
    server = MemoryServer({})
    upload = tus.ClientUpload(ROOT, length=len(data), chunk_bytes=chunk_bytes)
    for fault in [*faults, *["none"] * (len(data) + 10)]:
        if not upload.is_open:
            break
        upload = exchange(server, upload, data, fault)
    assert upload.phase is tus.Phase.DONE
    assert upload.url is not None
    assert server.uploads[upload.url][1] == data


def exchange(server: MemoryServer, upload: tus.ClientUpload, data: bytes, fault: str) -> tus.ClientUpload:
    """Send the next request and let one thing go wrong with it."""
    request, body = upload.next_request(), b""
    if request.part:
        body = data[request.part.offset : request.part.offset + request.part.length]
        checksum = tus.checksum_of(body).encode()  # as a client would that cannot rely on TLS for it
        request = replace(request, headers=(*request.headers, ("Upload-Checksum", checksum)))
    if fault == "lost request":
        return upload.broken()[0]
    if fault == "busy":
        return upload.receive(request, tus.Reply(423, tus.Headers()))[0]
    if fault == "gone":
        server.uploads.pop(upload.url or "", None)
    if fault == "forgets" and upload.url in server.uploads:
        server.keep(upload.url, server.uploads[upload.url][1][: upload.acknowledged // 2])
    if fault == "half a body" and request.part and request.url in server.uploads:
        server.keep(request.url, data[: request.part.offset + len(body) // 2])
        return upload.broken()[0]
    if fault == "damaged body" and body:
        body = bytes([body[0] ^ 1]) + body[1:]
    reply = server.answer(request, body)
    return upload.broken()[0] if fault == "lost answer" else upload.receive(request, reply)[0]
