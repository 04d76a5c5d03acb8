"""The worked example of docs/protocol/manifest.md: made by the code from fixed secrets, so that a test can compare.

Print it anew with: python -m tests.unit.protocol.worked_example
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from protocol.documents import Receipt, ReceiptItem, issue_document
from protocol.manifest import (
    NO_LINE,
    Begun,
    Closed,
    CloseReason,
    Content,
    FragmentEntry,
    Moment,
    Opened,
    Sealed,
    digest_of,
    parse_manifest,
    sign_content,
)
from protocol.signing import SigningKey

RECORDER = SigningKey.from_seed(bytes(range(32)))
RECEIPTS = SigningKey.from_seed(bytes(range(32, 64)))
BEGAN_AT = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
DEVICE = "b4xgq2ldnrwsa5dpnfxgkzlmoq"
RECORDING = "m5xw6zbanvxxe3tjnztxi33zmy"
OWNER = "orugs4zanfzsaylhei2dqmzwgq"
CONTENTS: tuple[Content, ...] = (
    Begun(
        recording=RECORDING,
        device=DEVICE,
        owner=OWNER,
        epoch="2026-w48",
        key_digest=digest_of(b"the bytes of key.age"),
        key_bytes=394,
        recipient="age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
        policy_generation=1,
        policy_version=7,
        camera="synthetic",
        lesson="3b-biology",
    ),
    Opened(index=1, take=1, header_digest=digest_of(b"the header of 000001.age")),
    Sealed(
        index=1,
        digest=digest_of(b"the bytes of 000001.age"),
        size_bytes=254_321,
        init_bytes=1282,
        duration_ticks=90_000,
        fragments=(FragmentEntry(1282, 127_000, 0, 45_000, 1), FragmentEntry(128_282, 125_667, 45_000, 45_000, 0)),
    ),
    Closed(reason=CloseReason.STOPPED, segments=1, duration_ticks=90_000),
)


def manifest_lines() -> list[bytes]:
    """Sign and chain the example's contents, half a second apart."""
    lines: list[bytes] = []
    for number, content in enumerate(CONTENTS):
        previous = digest_of(lines[-1]) if lines else NO_LINE
        at = BEGAN_AT + timedelta(milliseconds=500 * number)
        moment = Moment(wall_at=at, wall_trusted=True, boot="5f8e", monotonic_ms=61_000 + 500 * number)
        lines.append(sign_content(content, moment=moment, number=number, previous=previous, key=RECORDER))
    return lines


def receipt_line() -> bytes:
    """Sign the receipt for everything that the example's manifest names."""
    manifest = parse_manifest(b"".join(manifest_lines()), RECORDER.verifying)
    named = [(index, manifest.expected(index)) for index in manifest.objects()]
    receipt = Receipt(
        generation=1,
        version=12,
        issued_at=BEGAN_AT + timedelta(hours=14),
        expires_at=BEGAN_AT + timedelta(days=3650),
        device=DEVICE,
        recording=RECORDING,
        manifest_lines=len(manifest.lines),
        manifest_head=manifest.head,
        items=tuple(ReceiptItem(index=at, digest=one[0], size_bytes=one[1]) for at, one in named if one),
    )
    return issue_document(receipt, RECEIPTS)


if __name__ == "__main__":
    print(RECORDER.verifying.encode(), RECORDER.verifying.key_id)
    print(RECEIPTS.verifying.encode(), RECEIPTS.verifying.key_id)
    print(b"".join(manifest_lines()).decode(), digest_of(manifest_lines()[-1]))
    print(receipt_line().decode())
