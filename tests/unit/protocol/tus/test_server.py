"""The server's decisions: what each request is answered, and that a refusal asks for no change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import tus

NOW = datetime(2026, 11, 2, 20, 0, tzinfo=UTC)
RULES = tus.Rules(largest_upload_bytes=1000)
UPLOAD = tus.UploadState("u1", length=100, offset=70)
BODY = {"Content-Type": tus.CONTENT_TYPE, "Content-Length": "30"}
CHECKSUM = tus.checksum_of(b"hello")


def a_request(method: str, headers: dict[str, str] | None = None) -> tus.Request:
    return tus.Request(method, tus.Headers({"Tus-Resumable": "1.0.0", **(headers or {})}))


def a_patch(changes: dict[str, str] | None = None, *, without: str = "") -> tus.Request:
    headers = {**BODY, "Upload-Offset": "70", **(changes or {})}
    return a_request("PATCH", {name: value for name, value in headers.items() if name != without})


def decide(request: tus.Request, target: tus.UploadState | tus.Gone | None = UPLOAD) -> object:
    return tus.decide_on_upload(request, target, rules=RULES, now=NOW)


def create(headers: dict[str, str]) -> object:
    return tus.decide_on_collection(a_request("POST", headers), rules=RULES)


def refused(decision: object) -> tus.Response:
    assert isinstance(decision, tus.Response)
    assert decision.status >= 400
    return decision


def header(response: object, name: str) -> str | None:
    assert isinstance(response, tus.Response)
    return tus.Headers(response.headers).get(name)


def test_options_tell_what_the_server_truly_does() -> None:
    """Version, extensions, largest size and checksums, whatever version the request claims."""
    response = tus.decide_on_collection(tus.Request("OPTIONS", tus.Headers({"Tus-Resumable": "9"})), rules=RULES)
    assert isinstance(response, tus.Response)
    assert (response.status, response.body) == (204, b"")
    assert dict(response.headers) == {
        "Tus-Resumable": "1.0.0",
        "Cache-Control": "no-store",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,creation-with-upload,checksum,expiration,termination",
        "Tus-Max-Size": "1000",
        "Tus-Checksum-Algorithm": "sha1,sha256",
    }
    assert decide(tus.Request("OPTIONS", tus.Headers())) == response


@pytest.mark.parametrize("version", [None, "", "0.2.2", "1.0.1", "1.0.0 ", "1.0.0, 1.0.0"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_version_that_we_do_not_speak_is_refused_with_the_one_we_do(version: str | None, method: str) -> None:
    """412 with Tus-Version, before anything else is looked at."""
    request = tus.Request(method, tus.Headers({} if version is None else {"Tus-Resumable": version}))
    decision = tus.decide_on_collection(request, rules=RULES) if method == "POST" else decide(request, None)
    assert refused(decision).status == 412
    assert header(decision, "Tus-Version") == "1.0.0"


def test_creation_without_a_body_asks_for_an_empty_upload() -> None:
    """Length and metadata are taken from the headers."""
    decision = create({"Upload-Length": "100", "Upload-Metadata": "name YQ==", "Content-Length": "0"})
    assert decision == tus.Create(100, {"name": b"a"})


def test_creation_of_nothing_is_an_upload_of_no_bytes() -> None:
    """Upload-Length 0 and the empty metadata of stock tuspy are right."""
    assert create({"Upload-Length": "0", "Upload-Metadata": ""}) == tus.Create(0, {})


def test_creation_with_a_body_accepts_it_at_zero() -> None:
    """creation-with-upload, with a checksum for that body."""
    decision = create({"Upload-Length": "100", **BODY, "Upload-Checksum": CHECKSUM.encode()})
    assert decision == tus.Create(100, {}, tus.Accept(0, 100, CHECKSUM))


def test_creation_with_a_body_in_chunks_is_limited_by_the_length() -> None:
    """Where the body's length is not announced, the I/O side has the limit to hold on to."""
    decision = create({"Upload-Length": "9", "Content-Type": tus.CONTENT_TYPE, "Transfer-Encoding": "chunked"})
    assert decision == tus.Create(9, {}, tus.Accept(0, 9))


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 400, "Upload-Length.*missing"),
        ({"Upload-Length": "-1"}, 400, "Upload-Length.*'-1'"),
        ({"Upload-Length": "ten"}, 400, "Upload-Length"),
        ({"Upload-Length": "1001"}, 413, "at most 1000 bytes, got 1001"),
        ({"Upload-Length": "9", "Upload-Metadata": "a ?"}, 400, "Upload-Metadata"),
        ({"Upload-Defer-Length": "1"}, 400, "must know the length at creation"),
        ({"Upload-Defer-Length": "2"}, 400, "must know the length at creation"),
        ({"Upload-Concat": "partial", "Upload-Length": "9"}, 400, "does not join uploads"),
        ({"Upload-Length": "29", **BODY}, 413, "beyond Upload-Length 29"),
        ({"Upload-Length": "30", "Content-Length": "30"}, 415, "Content-Type.*missing"),
        ({"Upload-Length": "30", "Content-Length": "30", "Content-Type": "text/plain"}, 415, "text/plain"),
        ({"Upload-Length": "30", "Content-Length": "-30"}, 400, "Content-Length"),
        ({"Upload-Length": "30", **BODY, "Upload-Checksum": "crc32 AAAA"}, 400, "Upload-Checksum"),
    ],
)
def test_creation_that_breaks_a_rule_is_refused_in_plain_words(
    headers: dict[str, str], status: int, words: str
) -> None:
    """Each refusal says which header, what was expected and what was found."""
    response = refused(create(headers))
    assert response.status == status
    with pytest.raises(ValueError, match=words):
        raise ValueError(response.body.decode())


def test_head_tells_the_durable_offset_and_is_never_cached() -> None:
    """Offset, length, metadata as given, expiry, no-store, and no body."""
    upload = replace(UPLOAD, metadata={"name": b"a", "flag": b""}, expires_at=NOW + timedelta(hours=1))
    response = decide(a_request("HEAD"), upload)
    assert isinstance(response, tus.Response)
    assert (response.status, response.body) == (200, b"")
    assert dict(response.headers) == {
        "Tus-Resumable": "1.0.0",
        "Cache-Control": "no-store",
        "Upload-Offset": "70",
        "Upload-Length": "100",
        "Upload-Expires": "Mon, 02 Nov 2026 21:00:00 GMT",
        "Upload-Metadata": "name YQ==,flag",
    }


@pytest.mark.parametrize("offset", [0, 100])
def test_head_always_tells_an_offset(offset: int) -> None:
    """At 0 and when complete, too; what is complete does not expire."""
    response = decide(a_request("HEAD"), replace(UPLOAD, offset=offset, expires_at=NOW + timedelta(50 - offset)))
    assert header(response, "Upload-Offset") == str(offset)
    assert (header(response, "Upload-Expires") is None) == (offset == 100)


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("target", "status"), [(None, 404), (tus.Gone("it was put away"), 410), (replace(UPLOAD, expires_at=NOW), 410)]
)
def test_upload_that_is_not_there_is_refused(method: str, target: tus.UploadState | None, status: int) -> None:
    """Unknown is 404; terminated, delivered and expired are 410; no offset is told, HEAD has no body."""
    response = refused(decide(a_request(method, {"Upload-Offset": "70", **BODY}), target))
    assert response.status == status
    assert header(response, "Upload-Offset") is None
    assert header(response, "Cache-Control") == "no-store"
    assert (response.body == b"") == (method == "HEAD")


def test_patch_at_the_offset_is_accepted_with_what_remains() -> None:
    """The body goes to the upload's offset and may hold what is missing."""
    assert decide(a_patch()) == tus.Accept(70, 30)
    assert decide(a_patch({"Upload-Checksum": CHECKSUM.encode()})) == tus.Accept(70, 30, CHECKSUM)
    assert decide(a_patch({"Transfer-Encoding": "chunked"}, without="Content-Length")) == tus.Accept(70, 30)
    assert decide(a_patch({"Content-Type": "Application/Offset+Octet-Stream; x=y"})) == tus.Accept(70, 30)


def test_patch_of_nothing_onto_a_complete_upload_is_accepted() -> None:
    """A client that lost the last answer and sends an empty body is told the same offset again."""
    complete = replace(UPLOAD, offset=100)
    assert decide(a_patch({"Upload-Offset": "100", "Content-Length": "0"}), complete) == tus.Accept(100, 0)


@pytest.mark.parametrize(
    ("changes", "without", "status"),
    [
        ({}, "Upload-Offset", 400),
        ({"Upload-Offset": "-70"}, "", 400),
        ({"Upload-Offset": "70,70"}, "", 400),
        ({"Upload-Offset": "69"}, "", 409),
        ({"Upload-Offset": "71"}, "", 409),
        ({}, "Content-Type", 415),
        ({"Content-Type": "application/octet-stream"}, "", 415),
        ({"Content-Type": f"{tus.CONTENT_TYPE}x"}, "", 415),
        ({"Content-Length": "31"}, "", 413),
        ({"Content-Length": "x"}, "", 400),
        ({"Upload-Checksum": "sha1 x"}, "", 400),
        ({"Upload-Checksum": "sha512 x"}, "", 400),
        ({"Upload-Length": "99"}, "", 400),
    ],
)
def test_patch_that_breaks_a_rule_is_refused(changes: dict[str, str], without: str, status: int) -> None:
    """A refusal is a plain response: it holds no instruction, so the upload stays as it was."""
    response = refused(decide(a_patch(changes, without=without)))
    assert response.status == status
    assert header(response, "Content-Type") == "text/plain; charset=utf-8"
    assert response.body.endswith(b".\n") or b"expected" in response.body


def test_patch_at_another_offset_is_told_the_right_one() -> None:
    """409 carries the offset, so that a person reading a log understands."""
    response = decide(a_patch({"Upload-Offset": "7"}))
    assert header(response, "Upload-Offset") == "70"
    assert b"expected 70, got 7" in refused(response).body


def test_delete_asks_for_termination() -> None:
    """DELETE of an upload that is there becomes an instruction, finished or not."""
    assert decide(a_request("DELETE")) == tus.Terminate()
    assert decide(a_request("DELETE"), replace(UPLOAD, offset=100)) == tus.Terminate()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_method_override_is_the_method_that_counts(method: str) -> None:
    """X-HTTP-Method-Override wins over the request line, in any case."""
    request = tus.Request(method, a_patch({"X-HTTP-Method-Override": "patch"}).headers)
    assert decide(request) == tus.Accept(70, 30)
    assert decide(a_request(method, {"X-HTTP-Method-Override": "DELETE"})) == tus.Terminate()
    assert refused(decide(a_request("PATCH", {**BODY, "X-HTTP-Method-Override": "PUT"}))).status == 405


def test_method_that_the_address_does_not_have_is_405() -> None:
    """The answer lists what is allowed there."""
    assert header(decide(a_request("GET")), "Allow") == "OPTIONS, HEAD, PATCH, DELETE"
    assert header(tus.decide_on_collection(a_request("DELETE"), rules=RULES), "Allow") == "OPTIONS, POST"


def test_success_is_answered_with_offset_and_expiry() -> None:
    """Created, appended and terminated have the statuses and headers of the specification."""
    upload = replace(UPLOAD, expires_at=NOW)
    created = tus.respond_created(upload, location="/uploads/u1")
    assert (created.status, header(created, "Location"), header(created, "Upload-Offset")) == (201, "/uploads/u1", "70")
    appended = tus.respond_appended(upload)
    assert (appended.status, header(appended, "Upload-Offset"), appended.body) == (204, "70", b"")
    assert header(appended, "Upload-Expires") == header(created, "Upload-Expires") == "Mon, 02 Nov 2026 20:00:00 GMT"
    assert header(tus.respond_appended(replace(upload, offset=100)), "Upload-Expires") is None
    assert tus.respond_terminated().status == 204


def test_failures_of_the_body_have_their_own_answers() -> None:
    """What does not fit its checksum, what is longer than announced, and what came too late: 460, 413 and 409."""
    answers = (tus.respond_mismatch(UPLOAD), tus.respond_too_long(UPLOAD), tus.respond_fenced())
    assert [answer.status for answer in answers] == [460, 413, 409]
    assert tus.refuse(507, "The disk is full.").body == b"The disk is full.\n"


SEEN = "Tus-Resumable Upload-Offset Upload-Length Content-Length Content-Type Upload-Checksum Upload-Metadata"
NAMES = st.sampled_from([*SEEN.split(), "Upload-Defer-Length", "X-HTTP-Method-Override", "Transfer-Encoding"])
VALUES = st.sampled_from(["1.0.0", "0", "70", "30", tus.CONTENT_TYPE, "PATCH", "chunked"]) | st.text(max_size=12)


@given(
    st.sampled_from(["POST", "HEAD", "PATCH", "DELETE", "GET"]),
    st.dictionaries(NAMES, VALUES),
    st.sampled_from([None, UPLOAD]),
)
def test_any_request_gets_a_decision(method: str, headers: dict[str, str], target: tus.UploadState | None) -> None:
    """No header raises out of a decision, no answer carries a line break, and nothing is accepted past the length."""
    request = tus.Request(method, tus.Headers(headers))
    for decision in (decide(request, target), tus.decide_on_collection(request, rules=RULES)):
        if isinstance(decision, tus.Response):
            assert all("\n" not in value and "\r" not in value for _, value in decision.headers)
        if isinstance(decision, tus.Accept):
            assert decision.offset + decision.limit_bytes == UPLOAD.length
