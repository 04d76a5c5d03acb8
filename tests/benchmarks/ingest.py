"""Taking in over plain HTTP on loopback onto the disk, beside `@tus/server` and nginx, in one run.

    python -m tests.benchmarks ingest

The same clients send the same bytes from memory to all, which take turns; a ratio is the median of the ratios of single
turns. Each object is made by POST and sent by one PATCH (nginx: one PUT), and counts from the first byte to the last
answer. The controller checks the lease, hashes, compares length and digest with the signed manifest, syncs file, folder
and row; the peers keep the bytes and sync nothing. For an equal promise nginx is measured once more, with file and
folder synced after each answer, before the next object is sent, and once more with SHA-256 of the file besides. The
manifest is sent before the clock starts, as the uploader does.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from protocol import tus
from protocol.ids import make_id
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
    sign_content,
)
from tests.benchmarks.ingest_peers import STOCK, TUNED, PutTarget, nginx, tus_server
from tests.controller_process import ControllerProcess, make_controller

TURNS = 7
OURS, TUS_SERVER, NGINX_PUT = "backrow", "@tus/server", "nginx PUT"
NGINX_TUNED = "nginx PUT, tuned"
NGINX_SYNCED, NGINX_HASHED = "nginx PUT, tuned, synced", "nginx PUT, tuned, synced, hashed"
WANTED = {TUS_SERVER: 1.2, NGINX_PUT: 0.5}
BLOCK_BYTES = 8 << 20
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True)
class Load:
    """What is sent in one turn: by each of so many clients at a time so many objects of one size."""

    name: str
    size_bytes: int
    count: int
    clients: int = 1


LOADS = (
    Load("7.5 MB segments", 7_500_000, 20),
    Load("7.5 MB segments, four clients at a time", 7_500_000, 10, clients=4),
    Load("1 GiB", 1 << 30, 1),
)


class Target:
    """A tus server under test: one connection, and the headers that it wants."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._path = path
        self._headers = {**TUS, **headers}

    def upload(self, payload: memoryview, size_bytes: int, metadata: str) -> None:
        """Send one object; its bytes are `payload` over and over."""
        headers = {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata, "Content-Length": "0"}
        status, place = self._ask("POST", self._path, headers, None)
        if status != 201:
            raise SystemExit(f"the upload was not made: {status}")
        headers = {
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size_bytes),
        }
        status, _ = self._ask("PATCH", place, headers, blocks(payload, size_bytes))
        if status != 204:
            raise SystemExit(f"the bytes were not taken: {status}")

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: Iterator[memoryview] | None
    ) -> tuple[int, str]:
        self._connection.request(method, path, body=body, headers={**self._headers, **headers})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location", "")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def name_object(recording: str, index: int) -> str:
    """Give the `Upload-Metadata` of one object."""
    return tus.encode_metadata({"recording": recording.encode(), "index": str(index).encode()})


def blocks(payload: memoryview, size_bytes: int) -> Iterator[memoryview]:
    """Give `size_bytes` bytes out of `payload`, from its beginning again and again."""
    while size_bytes:
        block = payload[: min(size_bytes, len(payload))]
        yield block
        size_bytes -= len(block)


def digest_blocks(payload: memoryview, size_bytes: int) -> str:
    """Give the SHA-256 of what `blocks` gives."""
    running = hashlib.sha256()
    for block in blocks(payload, size_bytes):
        running.update(block)
    return running.hexdigest()


def announce(controller: ControllerProcess, headers: dict[str, str], load: Load, digest: str) -> str:
    """Sign and send the manifest of a recording with the load's segments, all alike; give the recording's id."""
    recording, lines = make_id(os.urandom(16)), []
    for number, content in enumerate(_contents(controller, recording, load, digest)):
        moment = Moment(wall_at=datetime.now(UTC), wall_trusted=True, boot="bench", monotonic_ms=number)
        previous = digest_of(lines[-1]) if lines else NO_LINE
        lines.append(sign_content(content, moment=moment, number=number, previous=previous, key=controller.recorder))
    units = controller.services.config.units
    connection = http.client.HTTPConnection(units.host, units.port, timeout=120)
    connection.request("PUT", f"/units/v1/recordings/{recording}/manifest", body=b"".join(lines), headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"the manifest was not taken: {answer.read().decode()}")
    connection.close()
    return recording


def _contents(controller: ControllerProcess, recording: str, load: Load, digest: str) -> Iterator[Content]:
    fragments = tuple(FragmentEntry(1000 + at * 1000, 1000, at * 45_000, 45_000, 1) for at in range(60))
    yield Begun(
        recording=recording,
        device=controller.device,
        owner=controller.owner,
        epoch="bench",
        key_digest="0" * 64,
        key_bytes=300,
        recipient="age1",
        policy_generation=1,
        policy_version=1,
        camera="none",
    )
    for index in range(1, load.count + 1):
        yield Opened(index=index, take=1, header_digest="0" * 64)
        yield Sealed(
            index=index,
            digest=digest,
            size_bytes=load.size_bytes,
            init_bytes=1000,
            duration_ticks=2_700_000,
            fragments=fragments,
        )
    yield Closed(reason=CloseReason.STOPPED, segments=load.count, duration_ticks=2_700_000 * load.count)


Turn = Callable[[], float]


def measure(load: Load, turns: dict[str, Turn]) -> dict[str, list[float]]:
    """Give bytes a second of each turn of each server; they take turns, and the first warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(TURNS + 1):
        for name, turn in turns.items():
            os.sync()  # what another left unwritten is not to be paid for by the one that syncs
            seconds[name].append(turn())
    total = load.size_bytes * load.count * load.clients
    return {name: [total / one for one in times[1:]] for name, times in seconds.items()}


Send = Callable[[int], None]


def time_sending(sends: Sequence[Send], count: int) -> float:
    """Give the seconds in which each of these, all at a time, sent objects 1 to `count` one after the other."""
    with ThreadPoolExecutor(len(sends)) as clients:
        began_s = time.perf_counter()
        for each in [clients.submit(_send_all, send, count) for send in sends]:
            each.result()
        return time.perf_counter() - began_s


def _send_all(send: Send, count: int) -> None:
    for index in range(1, count + 1):
        send(index)


def keep_nothing(path: Path) -> None:
    """Leave a file in memory, as its server does."""


def keep_durably(path: Path) -> None:
    """Do for a file what the controller does before it answers: its bytes and its name are on the disk."""
    for each, sync in ((path, os.fdatasync), (path.parent, os.fsync)):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)


def keep_durably_and_hash(path: Path) -> None:
    """Do for a file what the controller does, but for looking at who sends and what was signed."""
    keep_durably(path)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


@dataclass(frozen=True)
class Arena:
    """Where the servers are, and the bytes that all are sent."""

    folder: Path
    controller: ControllerProcess
    tus_port: int
    put_port: int | None
    payload: memoryview

    def turns(self, load: Load) -> dict[str, Turn]:
        """Give what one turn of each server is."""
        turns: dict[str, Turn] = {OURS: partial(self._ours, load, digest_blocks(self.payload, load.size_bytes))}
        turns[TUS_SERVER] = partial(self._tus, load)
        if self.put_port:
            turns[NGINX_PUT] = partial(self._put, load, STOCK, keep_nothing)
            turns[NGINX_TUNED] = partial(self._put, load, TUNED, keep_nothing)
            turns[NGINX_SYNCED] = partial(self._put, load, TUNED, keep_durably)
            turns[NGINX_HASHED] = partial(self._put, load, TUNED, keep_durably_and_hash)
        return turns

    def _ours(self, load: Load, digest: str) -> float:
        lease = self.controller.grant_lease()
        recordings = [announce(self.controller, lease, load, digest) for _ in range(load.clients)]
        port = self.controller.services.config.units.port
        with ExitStack() as closing_all:
            sends = []
            for recording in recordings:
                target = closing_all.enter_context(closing(Target(port, "/units/v1/uploads", lease)))
                sends.append(partial(self._upload, target, load.size_bytes, partial(name_object, recording)))
            seconds = time_sending(sends, load.count)
        for recording in recordings:
            self.controller.services.objects.destroy(recording)
        return seconds

    def _tus(self, load: Load) -> float:
        with ExitStack() as closing_all:
            targets = [closing_all.enter_context(closing(Target(self.tus_port, "/files", {}))) for _ in self._all(load)]
            name = "filename c2VnbWVudA=="
            seconds = time_sending(
                [partial(self._upload, target, load.size_bytes, lambda _: name) for target in targets], load.count
            )
        _empty(self.folder / "peer")
        return seconds

    def _upload(self, target: Target, size_bytes: int, metadata: Callable[[int], str], index: int) -> None:
        target.upload(self.payload, size_bytes, metadata(index))

    def _put(self, load: Load, place: str, then: Callable[[Path], None]) -> float:
        assert self.put_port
        kept = self.folder / "nginx" / "kept" / place
        with ExitStack() as closing_all:
            targets = [closing_all.enter_context(closing(PutTarget(self.put_port))) for _ in self._all(load)]

            def put(target: PutTarget, client: int, index: int) -> None:
                name = f"{client}-{index}.age"
                target.put(f"{place}/{name}", blocks(self.payload, load.size_bytes), load.size_bytes)
                then(kept / name)

            seconds = time_sending([partial(put, target, at) for at, target in enumerate(targets)], load.count)
        _empty(kept)
        return seconds

    def _all(self, load: Load) -> range:
        return range(load.clients)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def report(load: Load, speeds: dict[str, list[float]]) -> None:
    """Print one load's figures and ratios."""
    print(f"{load.name}: taken in over loopback onto the disk, medians of {TURNS} turns")
    for name, values in speeds.items():
        print(f"  {name:32} {statistics.median(values) / 1e6:7.0f} MB/s")
    for name in (TUS_SERVER, NGINX_PUT, NGINX_TUNED, NGINX_SYNCED, NGINX_HASHED):
        if name not in speeds:
            print(f"  backrow / {name}: nginx is not installed (Debian: nginx-light)")
            continue
        ratio = statistics.median(our / their for our, their in zip(speeds[OURS], speeds[name], strict=True))
        print(f"  backrow / {name:32} {ratio:6.2f}  {_judge(ratio, WANTED.get(name))}")


def _judge(ratio: float, wanted: float | None) -> str:
    if wanted is None:
        return "(for comparison: no figure is wanted)"
    return f"(at least {wanted}: {'as wanted' if ratio >= wanted else 'BELOW'})"


def main() -> None:
    """Run the benchmark in a temporary folder of the disk that TMPDIR names."""
    with tempfile.TemporaryDirectory(prefix="backrow-ingest-") as name, ExitStack() as ending:
        folder = Path(name)
        (folder / "peer").mkdir()
        controller = make_controller(folder, tls=False)
        controller.start()
        ending.callback(controller.close)
        tus_port = ending.enter_context(tus_server(folder / "peer"))
        put_port = ending.enter_context(nginx(folder / "nginx"))
        arena = Arena(folder, controller, tus_port, put_port, memoryview(os.urandom(BLOCK_BYTES)))
        for load in LOADS:
            report(load, measure(load, arena.turns(load)))


if __name__ == "__main__":
    main()
