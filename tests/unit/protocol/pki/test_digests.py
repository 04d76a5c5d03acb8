"""Digests as people compare them: 128 bits in eight groups."""

from __future__ import annotations

import hashlib

import pytest

from protocol.pki import spell_fingerprint


def test_fingerprint_is_spelled_in_groups_of_four() -> None:
    """A known digest (of nothing) is spelled as the page says."""
    digest = hashlib.sha256(b"").hexdigest()
    assert spell_fingerprint(digest) == "e3b0 c442 98fc 1c14 9afb f4c8 996f b924"
    assert spell_fingerprint(digest.upper()) == spell_fingerprint(digest)


@pytest.mark.parametrize("digest", ["", "e3b0c442", "x" * 64])
def test_text_that_is_no_digest_is_not_spelled(digest: str) -> None:
    """A short or foreign text would be compared as if it were one: our own mistake."""
    with pytest.raises(ValueError, match="expected a digest"):
        spell_fingerprint(digest)
