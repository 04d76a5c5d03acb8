"""Who is believed at the people's listener, and that nothing leaves for anybody else, the secret least of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.pki import Credential, issue_authority, issue_server
from tests.fakes.enrolling import EnrollingServer
from tests.unit.device.enrollment.conftest import Room


@contextmanager
def people_with(room: Room, server: Credential, folder: Path) -> Iterator[Room]:
    """Give the room a people's listener that shows another certificate."""
    with EnrollingServer(room.registry, folder, server=server, wants_certificate=False) as listener:
        config = replace(room.config, enrollment=replace(room.config.enrollment, url=listener.url))
        yield replace(room, config=config, said=[])


@pytest.mark.parametrize("is_trusted", [True, False], ids=["clock trusted", "clock not trusted"])
@pytest.mark.parametrize("whose", ["rogue", "other name"])
def test_nothing_leaves_for_a_server_that_is_not_the_controller(
    room: Room,
    tmp_path: Path,
    whose: str,
    is_trusted: bool,  # noqa: FBT001 a parameter of the table
) -> None:
    """A rogue CA of the school's name, and the school's own certificate for another name: not a byte of a request."""
    now = room.world.now_at
    rogue = issue_authority("A made-up school", now=now)
    server = {
        "rogue": issue_server(rogue, ("127.0.0.1",), now=now),
        "other name": issue_server(room.school.authority, ("elsewhere.school",), now=now),
    }[whose]
    with people_with(room, server, tmp_path / "rogue") as misled:
        misled.clock_is_trusted = is_trusted
        assert not misled.enroll(patience_s=1.0)
        assert room.registry.asked == []
        assert "neither the school's pinned root nor the system's authorities" in misled.said[0]


def test_listener_with_a_public_certificate_is_believed_by_the_systems_authorities(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser-trusted certificate needs nothing on the card: the machine's own list of authorities vouches."""
    web = issue_authority("A CA that browsers know", now=room.world.now_at)
    (tmp_path / "web.pem").write_bytes(web.certificate_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "web.pem"))
    server = issue_server(web, ("127.0.0.1",), now=room.world.now_at)
    with people_with(room, server, tmp_path / "public") as public:
        assert public.enroll()


def test_systems_authorities_are_worth_nothing_at_the_units_listener(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents, footage and the recorder's key go below the pinned root alone, whatever the machine believes."""
    web = issue_authority("A CA that browsers know", now=room.world.now_at)
    (tmp_path / "web.pem").write_bytes(web.certificate_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "web.pem"))
    server = issue_server(web, ("127.0.0.1",), now=room.world.now_at)
    with EnrollingServer(room.registry, tmp_path / "units", server=server, wants_certificate=True) as listener:
        config = replace(room.config, controller=replace(room.config.controller, url=listener.url))
        misled = replace(room, config=config, said=[])
        assert not misled.enroll(patience_s=30.0)
        assert any("certificate verify failed" in words for words in misled.said)
    assert room.registry.recorder_key is None
