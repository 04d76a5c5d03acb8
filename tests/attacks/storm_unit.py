"""One unit in the storm, as a process that is killed: delivers its lessons over links that break wherever they like.

All that it must know after a kill stands in its diary: where its uploads are, and what was acknowledged. What it finds
wrong stands there too: an offset that is lower than one that was told before, or an upload that is gone.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from protocol import tus
from tests.controller_process import PATH
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import TUS, encode_metadata

OCTETS = {**TUS, "Content-Type": tus.CONTENT_TYPE}
PATIENCE_S = 10.0
PIECE_BYTES = 60_000
RACERS = 3
Broken = (OSError, http.client.HTTPException)


@dataclass
class Diary:
    """Lines that are in the file as soon as they are written: a kill takes none of them."""

    path: Path
    places: dict[tuple[str, int], str] = field(default_factory=dict)
    acknowledged: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    done: set[str] = field(default_factory=set)
    faults: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    wrong: list[str] = field(default_factory=list)

    def load(self) -> Diary:
        """Read what was written so far."""
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            self._take(line.split(" "))
        return self

    def _take(self, words: list[str]) -> None:
        match words:
            case ["place", recording, index, place]:
                self.places[recording, int(index)] = place
            case ["offset", place, offset]:
                self.acknowledged[place] = max(self.acknowledged[place], int(offset))
            case ["done", recording]:
                self.done.add(recording)
            case ["fault", kind]:
                self.faults[kind] += 1
            case ["wrong", *rest]:
                self.wrong.append(" ".join(rest))

    def note(self, *words: str) -> None:
        """Write a line."""
        with self.path.open("a", buffering=1) as file:
            file.write(" ".join(words) + "\n")
        self._take(list(words))


@dataclass
class StormUnit:
    """One unit; `calm` is a file whose being there says that nothing is to break any more."""

    address: tuple[str, int]
    lease: dict[str, str]
    lessons: list[Lesson]
    diary: Diary
    calm: Path
    chance: random.Random
    gone: set[tuple[str, int]] = field(default_factory=set)

    def run(self) -> None:
        """Deliver everything."""
        for lesson in self.lessons:
            while lesson.id not in self.diary.done:
                try:
                    self._deliver(lesson)
                except Broken:
                    time.sleep(0.02)

    def _deliver(self, lesson: Lesson) -> None:
        status, _, body = self._ask("PUT", f"{PATH}/recordings/{lesson.id}/manifest", {}, lesson.manifest)
        if status != 200:
            self.diary.note("wrong", f"manifest {status} {body[:80]!r}")
            return
        wanted = [int(text) for text in body.decode().partition("[")[2].partition("]")[0].split(",") if text.strip()]
        self._judge_gone(lesson, wanted)
        if not wanted:
            self.diary.note("done", lesson.id)
        for index in wanted:
            self._send(lesson, index)

    def _judge_gone(self, lesson: Lesson, wanted: list[int]) -> None:
        """An upload that is not there any more was taken in; it is wrong when its object is wanted all the same."""
        for index in wanted:
            if (lesson.id, index) in self.gone:
                place = self.diary.places.pop((lesson.id, index))
                self.diary.note("wrong", f"{place} is gone, and its object is wanted")
        self.gone.clear()

    def _send(self, lesson: Lesson, index: int) -> None:
        """Send one object piece by piece, until all of it is acknowledged."""
        data = lesson.objects[index]
        while True:
            place = self.diary.places.get((lesson.id, index)) or self._create(lesson, index)
            offset = self._offset(place)
            if offset is None:
                self.gone.add((lesson.id, index))
            if offset in (None, len(data)):
                return
            end = min(len(data), offset + self.chance.randint(1, PIECE_BYTES))
            self._break_or_send(place, offset, data[offset:end])

    def _create(self, lesson: Lesson, index: int) -> str:
        size = str(len(lesson.objects[index]))
        more = {**TUS, "Upload-Length": size, "Upload-Metadata": encode_metadata(lesson.id, index)}
        status, headers, body = self._ask("POST", f"{PATH}/uploads", more, b"")
        if status != 201:
            raise http.client.HTTPException(f"{status} {body[:80]!r}")
        self.diary.note("place", lesson.id, str(index), headers["Location"])
        return headers["Location"]

    def _offset(self, place: str) -> int | None:
        """Ask how far an upload is; None when it is gone."""
        known = self.diary.acknowledged[place]
        status, headers, _ = self._ask("HEAD", place, TUS, b"")
        if status in (404, 410):
            return None
        if status != 200:
            raise http.client.HTTPException(f"HEAD {status}")
        offset = int(headers["Upload-Offset"])
        if offset < known:
            self.diary.note("wrong", f"{place}: {known} bytes were acknowledged, and now it is {offset}")
        self.diary.note("offset", place, str(offset))
        return offset

    def _break_or_send(self, place: str, offset: int, piece: bytes) -> None:
        kinds: tuple[Callable[[str, int, bytes], None], ...] = (
            self._drop,
            self._reset,
            self._hear_nothing,
            self._damage,
            self._race,
        )
        if self.calm.exists() or self.chance.random() < 0.15:
            self._patch(place, offset, piece)
        else:
            self.chance.choice(kinds)(place, offset, piece)

    def _drop(self, place: str, offset: int, piece: bytes) -> None:
        """The link ends in the middle of the body."""
        with self._begin(place, offset, piece, self._checksum(piece)) as sock:
            sock.sendall(piece[: self.chance.randrange(len(piece))])
        self.diary.note("fault", "dropped")

    def _reset(self, place: str, offset: int, piece: bytes) -> None:
        """The link is reset in the middle of the body, with bytes of it still on their way."""
        with self._begin(place, offset, piece, self._checksum(piece)) as sock:
            sock.sendall(piece[: self.chance.randrange(len(piece))])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.diary.note("fault", "reset")

    def _hear_nothing(self, place: str, offset: int, piece: bytes) -> None:
        """All of the body leaves, and the answer is not waited for."""
        with self._begin(place, offset, piece, self._checksum(piece)) as sock:
            sock.sendall(piece)
        self.diary.note("fault", "unheard")

    def _damage(self, place: str, offset: int, piece: bytes) -> None:
        """A bit changes on the way, and the checksum shows it."""
        wrong = bytearray(piece)
        wrong[self.chance.randrange(len(wrong))] ^= 1 << self.chance.randrange(8)
        headers = {"Upload-Checksum": tus.checksum_of(piece, self.chance.choice(("sha1", "sha256"))).encode()}
        status = self._patch(place, offset, bytes(wrong), headers)
        if status == 204:
            self.diary.note("wrong", f"{place}: a damaged body was taken")
        self.diary.note("fault", "damaged")

    def _race(self, place: str, offset: int, piece: bytes) -> None:
        """Several requests send the same at the same time, or less of it, or break off, and one asks between them."""
        lengths = [self.chance.randint(1, len(piece)) for _ in range(RACERS)]
        broken = [self.chance.random() < 0.4 for _ in range(RACERS)]

        def one(number: int) -> None:
            part = piece[: lengths[number]]
            try:
                if broken[number]:
                    with self._begin(place, offset, part, {}) as sock:
                        sock.sendall(part[: len(part) // 2])
                else:
                    self._patch(place, offset, part)
            except Broken:
                pass  # what broke is asked for after the race

        with ThreadPoolExecutor(RACERS) as pool:
            list(pool.map(one, range(RACERS)))
        self.diary.note("fault", "parallel")

    def _checksum(self, piece: bytes) -> dict[str, str]:
        if self.chance.random() < 0.7:
            return {}
        return {"Upload-Checksum": tus.checksum_of(piece, self.chance.choice(("sha1", "sha256"))).encode()}

    def _patch(self, place: str, offset: int, piece: bytes, more: dict[str, str] | None = None) -> int:
        headers = {**OCTETS, **(more or {}), "Upload-Offset": str(offset)}
        status, answered, _ = self._ask("PATCH", place, headers, piece)
        if status == 204:
            self.diary.note("offset", place, answered["Upload-Offset"])
        return status

    def _begin(self, place: str, offset: int, piece: bytes, more: dict[str, str]) -> socket.socket:
        headers = {**OCTETS, **self.lease, **more, "Host": "x", "Upload-Offset": str(offset)}
        headers["Content-Length"] = str(len(piece))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sock = socket.create_connection(self.address, PATIENCE_S)
        sock.sendall(f"PATCH {place} HTTP/1.1\r\n{lines}\r\n".encode())
        return sock

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {**self.lease, **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()
