"""The worked example of docs/protocol/manifest.md is what the code makes, and verifies as the page says."""

from __future__ import annotations

import re
from pathlib import Path

from protocol.documents import Keyring, KeyringKey, Purpose, Receipt, Trust, verify_document
from protocol.manifest import digest_of, parse_manifest
from protocol.signing import SigningKey, VerifyingKey
from tests.unit.protocol.worked_example import BEGAN_AT, CONTENTS, manifest_lines, receipt_line

PAGE = (Path(__file__).parents[3] / "docs/protocol/manifest.md").read_text("utf-8")
KEYS = {name: (public, key_id) for name, public, key_id in re.findall(r"^(\w+) +(\S{43})  key id (\w+)$", PAGE, re.M)}
BLOCKS = re.findall(r"^```\n(\{.*?)```$", PAGE, re.MULTILINE | re.DOTALL)


def test_page_shows_what_the_code_makes() -> None:
    """Keys, lines and digest of the page are those of the code, byte for byte."""
    assert [block.encode() for block in BLOCKS] == [b"".join(manifest_lines()), receipt_line()]
    assert f"`{digest_of(manifest_lines()[-1])}`" in PAGE
    for public, key_id in KEYS.values():
        assert VerifyingKey.parse(public).key_id == key_id


def test_page_can_be_verified_with_the_keys_it_gives() -> None:
    """Whoever copies the example from the page can check it with nothing but the public keys on the page."""
    manifest = parse_manifest(BLOCKS[0].encode(), VerifyingKey.parse(KEYS["recorder"][0]))
    assert tuple(line.content for line in manifest.lines) == CONTENTS
    key = KeyringKey(purpose=Purpose.RECEIPT, public=KEYS["receipts"][0])
    keyring = Keyring(
        generation=1, version=1, issued_at=BEGAN_AT, expires_at=BEGAN_AT.replace(year=2027), school="S", keys=(key,)
    )
    trust = Trust(root=SigningKey.from_seed(bytes(32)).verifying, keyring=keyring)
    receipt = verify_document(Receipt, BLOCKS[1].encode(), trust)
    assert (receipt.manifest_lines, receipt.manifest_head) == (len(manifest.lines), manifest.head)
    assert {item.index: (item.digest, item.size_bytes) for item in receipt.items} == {
        index: manifest.expected(index) for index in manifest.objects()
    }
