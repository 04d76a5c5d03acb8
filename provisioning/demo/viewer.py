"""A teacher's browser, without the browser: signs in by a one-time link, lists recordings, plays one back.

It asks for what the player's page asks for: the playlist, the init and the ranges of each segment.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from provisioning.demo.errors import DemoError

TIMEOUT_S = 30
TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')


@dataclass(frozen=True)
class Stretch:
    """Bytes of a media file that the playlist names."""

    uri: str
    offset: int
    length: int


class _Form(HTMLParser):
    """The fields of a page's form, with what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.passwords: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        name = facts.get("name")
        if tag != "input" or not name:
            return
        if facts.get("type") == "password":
            self.passwords.append(name)
        self.fields[name] = facts.get("value") or ""


class Viewer:
    """A signed-in session of one teacher."""

    def __init__(self, url: str, authority: Path | None = None) -> None:
        """Begin at the address of the controller's pages, vouched for by `authority`; nothing is asked for yet."""
        self._url = url
        self._session = requests.Session()
        self._session.verify = str(authority) if authority else True
        self._session.trust_env = False  # loopback goes through no proxy

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def sign_in(self, link: str, password: str) -> None:
        """Open a one-time link and set the password, as a person would."""
        form = _Form()
        form.feed(self._get(link).text)
        if not form.passwords:
            raise DemoError(f"the page behind the one-time link asks for no password: {link}")
        answer = self._session.post(
            link,
            data=form.fields | dict.fromkeys(form.passwords, password),
            headers={"Referer": link},
            timeout=TIMEOUT_S,
        )
        self._require_ok(answer)

    def recordings(self) -> list[dict[str, Any]]:
        """List the teacher's own recordings."""
        listing: dict[str, list[dict[str, Any]]] = self._get(urljoin(self._url, "/api/v1/recordings")).json()
        return listing["recordings"]

    def page(self, path: str) -> str:
        """Fetch a page of the controller as text."""
        return self._get(urljoin(self._url, path)).text

    def confirm(self, recording: str) -> None:
        """Answer *Was this you?* with yes."""
        path = f"/recordings/{recording}/whose"
        self.press(path, path, said="yes")

    def press(self, path: str, action: str, **named: str) -> None:
        """Press the button of a page that posts to `action`, with the token of that page's forms, and its own name."""
        address, form = urljoin(self._url, path), _Form()
        form.feed(self._get(address).text)
        data = {name: value for name, value in form.fields.items() if name == TOKEN_FIELD} | named
        headers = {"Referer": address}
        self._require_ok(self._session.post(urljoin(self._url, action), data=data, headers=headers, timeout=TIMEOUT_S))

    def play(self, recording: str) -> io.BytesIO:
        """Fetch everything that the player would, in order, as one file."""
        playlist = urljoin(self._url, f"/recordings/{recording}/stream.m3u8")
        played = io.BytesIO()
        for stretch in parse_playlist(self._get(playlist).text):
            played.write(self._fetch(urljoin(playlist, stretch.uri), stretch))
        return played

    def _fetch(self, address: str, stretch: Stretch) -> bytes:
        last = stretch.offset + stretch.length - 1
        answer = self._get(address, Range=f"bytes={stretch.offset}-{last}")
        if answer.status_code != requests.codes.partial_content or len(answer.content) != stretch.length:
            raise DemoError(f"{address}: expected {stretch.length} bytes, got {len(answer.content)}")
        return answer.content

    def _get(self, address: str, **headers: str) -> requests.Response:
        return self._require_ok(self._session.get(address, headers=headers, timeout=TIMEOUT_S))

    @staticmethod
    def _require_ok(answer: requests.Response) -> requests.Response:
        if not answer.ok:
            raise DemoError(
                f"{answer.request.method} {answer.url} was answered {answer.status_code}: {answer.text[:300]}"
            )
        return answer


def parse_playlist(text: str) -> Iterator[Stretch]:
    """Read an HLS media playlist (RFC 8216): the stretches of bytes that it names, in order, inits included."""
    stretch: tuple[int, int] | None = None
    for line in text.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            facts = {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}
            yield Stretch(facts["URI"], *_byte_range(facts["BYTERANGE"]))
        elif line.startswith("#EXT-X-BYTERANGE:"):
            stretch = _byte_range(line.partition(":")[2])
        elif line and not line.startswith("#"):
            if stretch is None:
                raise DemoError(f"the playlist names {line} without a byte range")
            yield Stretch(line, *stretch)


def _byte_range(text: str) -> tuple[int, int]:
    """Read `length@offset` and give offset and length."""
    length, _, offset = text.partition("@")
    return int(offset), int(length)
