"""Made-up records of the contract, and hypothesis strategies that make any valid one of each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from protocol.contents import (
    Begun,
    Closed,
    CloseReason,
    Event,
    EventName,
    FragmentEntry,
    Moment,
    Opened,
    Recovered,
    Sealed,
    Sound,
    SoundVerdict,
)
from protocol.documents import (
    Decision,
    Document,
    Epoch,
    Keyring,
    KeyringKey,
    Lease,
    LessonDecision,
    Permission,
    Policy,
    Purpose,
    Receipt,
    ReceiptItem,
    Recipients,
    Undo,
    Withdrawal,
)
from protocol.ids import make_id
from protocol.messages import Ack, Health, Presence, SpoolReport, Verdict
from protocol.signing import SigningKey

NOW = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
WEEK = timedelta(days=7)
DEVICE = make_id(bytes(range(16)))
RECORDING = make_id(bytes(range(16, 32)))
OWNER = make_id(bytes(range(32, 48)))
DIGEST = "0123456789abcdef" * 4
MOMENT = Moment(wall_at=NOW, wall_trusted=True, boot="b1", monotonic_ms=1000)

ids = st.binary(min_size=16, max_size=16).map(make_id)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
counts = st.integers(0, 2**53 - 1)
places = st.integers(1, 2**53 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9-]{0,31}\Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.integers(0, 250_000_000_000_000).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds))
keys = st.binary(min_size=32, max_size=32).map(SigningKey.from_seed)


@st.composite
def spans(draw: st.DrawFn, first: str = "issued_at", last: str = "expires_at") -> dict[str, datetime]:
    """Draw a beginning and a later end, under the names of the two fields."""
    begins = draw(instants)
    return {first: begins, last: begins + timedelta(milliseconds=draw(st.integers(1, 10**12)))}


def documents(kind: type[Document], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw documents of `kind` with these further fields."""
    own = st.fixed_dictionaries({"generation": places, "version": places, **fields})
    return st.tuples(own, spans()).map(lambda drawn: kind(**drawn[0], **drawn[1]))


def _spanned(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    drawn = st.tuples(st.fixed_dictionaries(fields), spans("begins_at", "ends_at"))
    return drawn.map(lambda both: kind(**both[0], **both[1]))


def _weeks(drawn: tuple[datetime, list[tuple[str, str]]]) -> tuple[Epoch, ...]:
    first, listed = drawn
    return tuple(
        Epoch(name=name, recipient=recipient, begins_at=first + at * WEEK, ends_at=first + (at + 1) * WEEK)
        for at, (name, recipient) in enumerate(listed)
    )


keyring_keys = st.builds(
    KeyringKey,
    purpose=st.sampled_from([purpose for purpose in Purpose if purpose is not Purpose.ROOT]),
    public=keys.map(lambda key: key.verifying.encode()),
)
decisions = st.builds(
    Decision, permission=st.sampled_from(Permission), reason=texts, owner=st.none() | ids, seats=counts
)
epochs = st.tuples(instants.filter(lambda at: at.year < 9000), st.lists(st.tuples(names, texts), max_size=3)).map(
    _weeks
)
lessons = _spanned(
    LessonDecision,
    lesson=texts,
    decision=decisions,
    class_id=st.none() | ids,
    teacher=st.none() | ids,
    room=st.none() | ids,
)
items = st.lists(
    st.builds(ReceiptItem, index=counts, digest=digests, size_bytes=counts),
    max_size=3,
    unique_by=lambda item: item.index,
).map(tuple)

EVERY_DOCUMENT: dict[type[Document], st.SearchStrategy[Any]] = {
    Keyring: documents(Keyring, school=texts, keys=st.lists(keyring_keys, max_size=3).map(tuple)),
    Recipients: documents(Recipients, epochs=epochs),
    Policy: documents(
        Policy,
        device=ids,
        policy_version=counts,
        lessons=st.lists(lessons, max_size=3).map(tuple),
        otherwise=decisions,
        margin_s=st.integers(0, 1800),
    ),
    Undo: documents(Undo, device=ids, recording=ids),
    Withdrawal: documents(Withdrawal, device=ids, recordings=st.lists(ids, max_size=3).map(tuple)),
    Lease: documents(
        Lease,
        device=ids,
        lease=ids,
        fence=places,
        rate_bps=places,
        not_before=st.just(EPOCH),
    ),
    Receipt: documents(
        Receipt,
        device=ids,
        recording=ids,
        manifest_lines=places,
        manifest_head=digests,
        items=items,
        backed_up_at=st.none() | instants,
    ),
}

EVERY_MESSAGE: dict[type[Any], st.SearchStrategy[Any]] = {
    Presence: st.builds(Presence, device=ids, birth=counts, online=st.booleans(), version=texts),
    Health: st.builds(
        Health, device=ids, fit=st.booleans(), reason=texts, school_days_left=st.none() | counts, at=instants
    ),
    SpoolReport: st.builds(SpoolReport, device=ids, waiting_bytes=counts, oldest_at=st.none() | instants, at=instants),
    Ack: st.builds(
        Ack,
        device=ids,
        document=texts,
        generation=places,
        version=places,
        verdict=st.sampled_from(Verdict),
        reason=texts,
    ),
}

moments = st.builds(Moment, wall_at=instants, wall_trusted=st.booleans(), boot=texts, monotonic_ms=counts)
sounds = st.builds(
    Sound,
    verdict=st.sampled_from(SoundVerdict),
    silent_permille=counts,
    clipped_permille=counts,
    loudness_mdbfs=st.integers(-100_000, 0),
    peak_mdbfs=st.integers(-100_000, 0),
    speech_permille=st.none() | st.integers(0, 1000),
)


def _fragments(drawn: list[tuple[int, int, int, int, int]]) -> tuple[FragmentEntry, ...]:
    """Lay drawn (gap, length, start, duration, keyframe) one behind the other."""
    laid, end = [], 100
    for gap, length, start, duration, keyframe in drawn:
        laid.append(FragmentEntry(end + gap, length, start, duration, keyframe))
        end += gap + length
    return tuple(laid)


_small = st.integers(0, 10**6)
fragments = st.lists(
    st.tuples(_small, st.integers(1, 10**6), st.integers(-(10**6), 10**9), _small, st.integers(0, 1)), max_size=4
).map(_fragments)

EVERY_CONTENT: dict[type[Any], st.SearchStrategy[Any]] = {
    Begun: st.builds(
        Begun,
        recording=ids,
        device=ids,
        owner=ids,
        epoch=names,
        key_digest=digests,
        key_bytes=places,
        recipient=texts,
        policy_generation=places,
        policy_version=places,
        camera=texts,
        lesson=st.none() | texts,
    ),
    Opened: st.builds(Opened, index=places, take=places, header_digest=digests),
    Sealed: st.builds(
        Sealed,
        index=places,
        digest=digests,
        size_bytes=places,
        init_bytes=st.integers(0, 100),
        duration_ticks=counts,
        fragments=fragments,
    ),
    Recovered: st.builds(Recovered, index=places, digest=digests, size_bytes=counts, whole_chunks=counts),
    Event: st.builds(
        Event, name=st.sampled_from(EventName), take=counts, at_ticks=counts, detail=texts, sound=st.none() | sounds
    ),
    Closed: st.builds(Closed, reason=st.sampled_from(CloseReason), segments=counts, duration_ticks=counts),
}


def lease(**changes: Any) -> Lease:
    """Make a lease that holds for an hour, with `changes`."""
    fields: dict[str, Any] = {
        "generation": 1,
        "version": 1,
        "issued_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
        "device": DEVICE,
        "lease": OWNER,
        "fence": 1,
        "rate_bps": 1_000_000,
        "not_before": NOW,
    }
    return Lease(**{**fields, **changes})


def begun(**changes: Any) -> Begun:
    """Make the first content of a manifest, with `changes`."""
    fields: dict[str, Any] = {
        "recording": RECORDING,
        "device": DEVICE,
        "owner": OWNER,
        "epoch": "2026-w48",
        "key_digest": DIGEST,
        "key_bytes": 400,
        "recipient": "age1made",
        "policy_generation": 1,
        "policy_version": 1,
        "camera": "synthetic",
    }
    return Begun(**{**fields, **changes})


def sealed(index: int, **changes: Any) -> Sealed:
    """Make the end of segment `index`, with `changes`."""
    fields: dict[str, Any] = {
        "digest": DIGEST,
        "size_bytes": 5000,
        "init_bytes": 900,
        "duration_ticks": 90_000,
        "fragments": (FragmentEntry(900, 2000, 0, 45_000, 1), FragmentEntry(2964, 1500, 45_000, 45_000, 0)),
    }
    return Sealed(**{"index": index, **fields, **changes})
