"""Sealing from memory to /dev/null, beside the stock `age` program and OpenSSL's bare cipher, in one run.

    python -m tests.benchmarks.sealing

The three take turns, so that whatever else the machine does meets all of them; a ratio is the median of the ratios of
single turns. All is wall time (`openssl speed -elapsed` too). The stock program reads from a file in memory and its
start is counted, which does not show at this size; OpenSSL's figure is ChaCha20-Poly1305 over 64 KiB blocks on one
core, which never reads, writes or leaves its cache.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from protocol.envelope import SealingWriter, generate_x25519

TURNS = 7
PAYLOAD_BYTES = 512 << 20
WRITE_BYTES = 1 << 20
FRAGMENT_BYTES = 131_072  # about what an encoder hands over twice a second at 2 Mbit/s


@dataclass(frozen=True)
class Target:
    """A ratio that is wanted, and between whom."""

    peer: str
    wanted: float


TARGETS = (Target("age", 1.5), Target("openssl speed", 0.55))
OURS = "backrow"


def seal_from_memory(payload: memoryview, *, write_bytes: int) -> None:
    """Seal the payload in writes of the given size."""
    with open("/dev/null", "wb", buffering=0) as sink:
        writer = SealingWriter(sink, [generate_x25519().recipient])
        for start in range(0, len(payload), write_bytes):
            writer.write(payload[start : start + write_bytes])
        writer.finish()


def run_age(payload: int) -> None:
    """Let the stock program seal the payload, a descriptor of a file in memory."""
    os.lseek(payload, 0, os.SEEK_SET)
    recipient = str(generate_x25519().recipient)
    subprocess.run(["age", "-r", recipient, "-o", "/dev/null"], stdin=payload, check=True)


def time_bytes_per_second(work: Callable[[], None]) -> float:
    """Payload bytes a second of one turn."""
    start = time.perf_counter()
    work()
    return PAYLOAD_BYTES / (time.perf_counter() - start)


def read_openssl_speed() -> float:
    """Bytes a second that `openssl speed` reports."""
    command = ["openssl", "speed", "-elapsed", "-mr", "-seconds", "1", "-bytes", "65536", "-evp", "chacha20-poly1305"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(next(line for line in result.stdout.splitlines() if line.startswith("+F:")).rsplit(":", 1)[1])


def measure() -> dict[str, list[float]]:
    """Bytes a second by name, one figure a turn, every one taking its turn in every round."""
    descriptor = os.memfd_create("payload")
    try:
        return _measure(descriptor, memoryview(_fill(descriptor)))
    finally:
        os.close(descriptor)


def _fill(descriptor: int) -> bytes:
    """The payload, also written into a file in memory for the program that reads one."""
    payload = os.urandom(1 << 20) * (PAYLOAD_BYTES >> 20)
    rest = memoryview(payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return payload


def _measure(descriptor: int, payload: memoryview) -> dict[str, list[float]]:
    workers: dict[str, Callable[[], float]] = {
        OURS: lambda: time_bytes_per_second(lambda: seal_from_memory(payload, write_bytes=WRITE_BYTES)),
        "age": lambda: time_bytes_per_second(lambda: run_age(descriptor)),
        "backrow, fragments": lambda: time_bytes_per_second(
            lambda: seal_from_memory(payload, write_bytes=FRAGMENT_BYTES)
        ),
        "openssl speed": read_openssl_speed,
    }
    turns: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(TURNS):
        for name, work in workers.items():
            turns[name].append(work())
    return turns


def main() -> None:
    """Print the figures and the ratios."""
    turns = measure()
    print(f"sealing {PAYLOAD_BYTES >> 20} MiB from memory to /dev/null, medians of {TURNS} turns")
    for name, speeds in turns.items():
        print(f"  {name:20} {statistics.median(speeds) / 1e6:7.0f} MB/s")
    for target in TARGETS:
        ratio = statistics.median(ours / peer for ours, peer in zip(turns[OURS], turns[target.peer], strict=True))
        verdict = "as wanted" if ratio >= target.wanted else "BELOW"
        print(f"  {OURS} / {target.peer:14} {ratio:5.2f}  (at least {target.wanted}: {verdict})")


if __name__ == "__main__":
    main()
