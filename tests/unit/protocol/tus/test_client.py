"""The client's moves: what comes next, what each answer means, and whose fault it is when something does not fit."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import tus

CREATION_URL = "https://school.example/api/uploads"
URL = "https://school.example/api/uploads/u1"
FRESH = tus.ClientUpload(CREATION_URL, length=100, chunk_bytes=40, metadata={"name": b"a"})
RESUMED = tus.ClientUpload(CREATION_URL, length=100, chunk_bytes=40, url=URL, acknowledged=40)
SENDING = replace(RESUMED, phase=tus.Phase.SEND)


def a_reply(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> tus.Reply:
    return tus.Reply(status, tus.Headers(headers or {}), body)


def answered(upload: tus.ClientUpload, reply: tus.Reply) -> tuple[tus.ClientUpload, tus.Outcome]:
    return upload.receive(upload.next_request(), reply)


def test_fresh_upload_is_created_then_sent_chunk_by_chunk() -> None:
    """POST, then PATCH from each acknowledged offset, then done; every request is exactly what tus wants."""
    assert FRESH.next_request() == tus.ClientRequest(
        "POST",
        CREATION_URL,
        (
            ("Tus-Resumable", "1.0.0"),
            ("Content-Length", "0"),
            ("Upload-Length", "100"),
            ("Upload-Metadata", "name YQ=="),
        ),
    )
    upload, outcome = answered(FRESH, a_reply(201, {"Location": "/api/uploads/u1"}))
    assert outcome == tus.Created(URL)
    parts = []
    while upload.is_open:
        request = upload.next_request()
        assert request.part is not None
        assert dict(request.headers) == {
            "Tus-Resumable": "1.0.0",
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(request.part.length),
            "Upload-Offset": str(request.part.offset),
        }
        parts.append((request.method, request.url, request.part))
        end = request.part.offset + request.part.length
        upload, outcome = upload.receive(request, a_reply(204, {"Upload-Offset": str(end)}))
        assert outcome == tus.Advanced(end)
    assert parts == [("PATCH", URL, tus.Part(at, length)) for at, length in [(0, 40), (40, 40), (80, 20)]]
    assert upload.phase is tus.Phase.DONE


def test_empty_file_is_done_once_it_is_created() -> None:
    """An upload of no bytes needs no PATCH."""
    upload, _ = answered(replace(FRESH, length=0), a_reply(201, {"Location": URL}))
    assert upload.phase is tus.Phase.DONE


@pytest.mark.parametrize(
    "location", ["/api/uploads/u1", "u1", "//school.example/api/uploads/u1", URL, "https://school.example:443/u1"]
)
def test_location_may_be_relative_or_whole(location: str) -> None:
    """The address is resolved against the one at which the upload was made (RFC 3986)."""
    upload, _ = answered(replace(FRESH, creation_url=f"{CREATION_URL}/"), a_reply(201, {"Location": location}))
    assert upload.url is not None
    assert upload.url.endswith("u1")


@pytest.mark.parametrize(
    "location", [None, "", "https://elsewhere.example/u1", "http://school.example/u1", "https://school.example:444/u1"]
)
def test_location_on_another_server_is_their_fault(location: str | None) -> None:
    """Sealed bytes and a client certificate go to the school's server and nowhere else."""
    with pytest.raises(tus.TusRemoteError, match="Location"):
        answered(FRESH, a_reply(201, {} if location is None else {"Location": location}))


def test_resumed_upload_asks_first_and_goes_on_from_what_the_server_has() -> None:
    """HEAD comes before PATCH; more than was acknowledged to us may have arrived."""
    assert RESUMED.next_request() == tus.ClientRequest("HEAD", URL, (("Tus-Resumable", "1.0.0"),))
    upload, outcome = answered(RESUMED, a_reply(200, {"Upload-Offset": "55", "Upload-Length": "100"}))
    assert outcome == tus.Advanced(55)
    assert upload.next_request().part == tus.Part(55, 40)
    upload, _ = answered(RESUMED, a_reply(200, {"Upload-Offset": "100"}))
    assert upload.phase is tus.Phase.DONE


def test_server_that_lost_acknowledged_bytes_is_reported_and_served_from_where_it_is() -> None:
    """A smaller offset than the acknowledged one is a fact to report; the file still arrives whole."""
    upload, outcome = answered(RESUMED, a_reply(200, {"Upload-Offset": "7"}))
    assert outcome == tus.LostBytes(acknowledged=40, offset=7)
    assert upload.next_request().part == tus.Part(7, 40)


def test_bytes_that_were_not_acknowledged_are_never_assumed() -> None:
    """A broken connection leads to HEAD and leaves the acknowledged offset alone; so does a conflict."""
    for upload, outcome in (SENDING.broken(), answered(SENDING, a_reply(409, {"Upload-Offset": "70"}))):
        assert isinstance(outcome, tus.AskAgain)
        assert upload.acknowledged == 40
        assert upload.next_request().method == "HEAD"


def test_part_of_a_body_may_be_acknowledged() -> None:
    """A server that kept some of it says how much; the rest is sent next."""
    upload, outcome = answered(SENDING, a_reply(204, {"Upload-Offset": "41"}))
    assert outcome == tus.Advanced(41)
    assert upload.next_request().part == tus.Part(41, 40)


def test_server_that_takes_nothing_is_not_asked_in_a_tight_loop() -> None:
    """204 without progress is a reason to wait, then to ask."""
    upload, outcome = answered(SENDING, a_reply(204, {"Upload-Offset": "40"}))
    assert isinstance(outcome, tus.RetryLater)
    assert upload.phase is tus.Phase.ASK


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("upload", [RESUMED, SENDING])
def test_upload_that_is_gone_is_created_again(upload: tus.ClientUpload, status: int) -> None:
    """404 and 410 start over from the first byte, at a new address."""
    again, outcome = answered(upload, a_reply(status))
    assert isinstance(outcome, tus.StartOver)
    assert (again.url, again.acknowledged, again.next_request().method) == (None, 0, "POST")


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 507])
@pytest.mark.parametrize("upload", [FRESH, RESUMED, SENDING])
def test_server_that_cannot_now_is_tried_again_later(upload: tus.ClientUpload, status: int) -> None:
    """After such an answer it is not known what arrived: a begun upload asks first."""
    later, outcome = answered(upload, a_reply(status, {"Retry-After": "120"}, b"disk is full\n"))
    assert outcome == tus.RetryLater(f"{status}: disk is full", after_s=120)
    assert later.phase is (tus.Phase.CREATE if upload is FRESH else tus.Phase.ASK)


@pytest.mark.parametrize(
    ("value", "after_s"), [("0", 0), ("9" * 9, 86400), ("9" * 5000, None), ("-1", None), ("soon", None), ("1;", None)]
)
def test_retry_after_counts_only_as_seconds(value: str, after_s: int | None) -> None:
    """Dates and nonsense are as good as none, and no server can send a unit to sleep for years."""
    _, outcome = answered(FRESH, a_reply(503, {"Retry-After": value}))
    assert outcome == tus.RetryLater("503", after_s)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 412, 413, 415])
@pytest.mark.parametrize("upload", [FRESH, RESUMED, SENDING])
def test_refusal_for_good_ends_the_upload_with_its_reason(upload: tus.ClientUpload, status: int) -> None:
    """Sending the same again would not help; the server's words are kept."""
    ended, outcome = answered(upload, a_reply(status, body=b"Upload-Length: expected less\nmore"))
    assert outcome == tus.GaveUp(status, f"{status}: Upload-Length: expected less")
    assert not ended.is_open


@pytest.mark.parametrize("body", [b"", b"\x1b[2Jhi", b"\xff\x00"])
def test_reason_of_a_refusal_is_printable(body: bytes) -> None:
    """What a server says goes to a log and a terminal: control characters do not."""
    _, outcome = answered(FRESH, a_reply(400, body=body))
    assert isinstance(outcome, tus.GaveUp)
    assert outcome.reason.isprintable()


def test_gone_creation_address_ends_the_upload() -> None:
    """404 for the address itself is a matter of configuration: creating again would go on for ever."""
    _, outcome = answered(FRESH, a_reply(404))
    assert isinstance(outcome, tus.GaveUp)


def test_body_that_was_damaged_on_the_way_is_sent_again() -> None:
    """460 says so where something on the way adds checksums: the same bytes go again."""
    upload, outcome = answered(SENDING, a_reply(460))
    assert isinstance(outcome, tus.RetryLater)
    assert upload.next_request().part == tus.Part(40, 40)


def test_another_upload_at_the_same_address_ends_it() -> None:
    """A length that is not ours means that the address holds something else."""
    upload, outcome = answered(RESUMED, a_reply(200, {"Upload-Offset": "0", "Upload-Length": "99"}))
    assert isinstance(outcome, tus.GaveUp)
    assert not upload.is_open


@pytest.mark.parametrize(
    ("upload", "reply"),
    [
        (SENDING, a_reply(204)),
        (SENDING, a_reply(204, {"Upload-Offset": "39"})),
        (SENDING, a_reply(204, {"Upload-Offset": "81"})),
        (SENDING, a_reply(204, {"Upload-Offset": "80 "})),
        (SENDING, a_reply(201, {"Upload-Offset": "80"})),
        (RESUMED, a_reply(200)),
        (RESUMED, a_reply(200, {"Upload-Offset": "101"})),
        (RESUMED, a_reply(200, {"Upload-Offset": "40", "Upload-Length": "100,100"})),
        (FRESH, a_reply(200, {"Location": URL})),
        (FRESH, a_reply(100)),
    ],
)
def test_answer_that_tus_does_not_have_is_their_fault_and_changes_nothing(
    upload: tus.ClientUpload, reply: tus.Reply
) -> None:
    """The upload is a value: after the error it stands where it stood, and `broken` goes on from there."""
    with pytest.raises(tus.TusRemoteError):
        answered(upload, reply)
    assert upload.broken()[0].acknowledged == upload.acknowledged


def test_move_out_of_turn_is_our_own_fault() -> None:
    """A finished upload has no next request, and an answer must belong to the request that came next."""
    done = replace(SENDING, phase=tus.Phase.DONE)
    with pytest.raises(tus.TusLocalError, match="done"):
        done.next_request()
    with pytest.raises(tus.TusLocalError, match="done"):
        done.broken()
    with pytest.raises(tus.TusLocalError, match="HEAD"):
        SENDING.receive(RESUMED.next_request(), a_reply(200, {"Upload-Offset": "40"}))
    with pytest.raises(tus.TusLocalError, match="PATCH"):
        replace(SENDING, acknowledged=80).receive(SENDING.next_request(), a_reply(204, {"Upload-Offset": "80"}))


@pytest.mark.parametrize(
    "facts", [{"acknowledged": -1}, {"acknowledged": 101}, {"chunk_bytes": 0}, {"url": None}, {"length": -1}]
)
def test_impossible_upload_is_our_own_mistake(facts: dict[str, int]) -> None:
    """Bytes beyond the length, chunks of nothing, and acknowledged bytes of an upload that is nowhere."""
    with pytest.raises(ValueError, match=r"expected|no acknowledged"):
        replace(RESUMED, **facts)  # type: ignore[arg-type]


def test_expiry_is_remembered_and_nonsense_in_it_harms_nothing() -> None:
    """Upload-Expires only informs."""
    upload, _ = answered(
        SENDING, a_reply(204, {"Upload-Offset": "80", "Upload-Expires": "Wed, 25 Jun 2014 16:00:00 GMT"})
    )
    assert upload.expires_at == datetime(2014, 6, 25, 16, tzinfo=UTC)
    upload, _ = answered(SENDING, a_reply(204, {"Upload-Offset": "80", "Upload-Expires": "soon"}))
    assert (upload.expires_at, upload.acknowledged) == (None, 80)


HEADERS = st.dictionaries(
    st.sampled_from(["Upload-Offset", "Upload-Length", "Location", "Retry-After", "Upload-Expires"]),
    st.sampled_from(["40", "80", "100", "-1", "/u", "https://[", "http://a:b/"]) | st.text(max_size=10),
)


@given(st.sampled_from([FRESH, RESUMED, SENDING]), st.integers(100, 599), HEADERS, st.binary(max_size=20))
def test_any_answer_moves_the_upload_or_is_their_fault(
    upload: tus.ClientUpload, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Nothing that a server can say raises anything else, and no more is acknowledged than there is."""
    try:
        moved, _ = answered(upload, tus.Reply(status, tus.Headers(headers), body))
    except tus.TusRemoteError:
        return
    assert 0 <= moved.acknowledged <= moved.length
    assert moved.is_open == (moved.phase not in (tus.Phase.DONE, tus.Phase.GIVEN_UP))
