"""Which hosts are this machine itself."""

from __future__ import annotations

import pytest

from protocol.loopback import is_loopback


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - a text here
        ("localhost.school.example", False),
        ("", False),
    ],
)
def test_loopback_is_only_this_machine(host: str, is_one: bool) -> None:  # noqa: FBT001
    """Only where no other machine can listen may anything go without TLS."""
    assert is_loopback(host) is is_one
