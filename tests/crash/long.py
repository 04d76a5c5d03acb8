"""The faults of the suite for as long as nobody waits: more rates, more kills, every length.

    python -m tests.crash.long [--kills 2000] [--orders 10000] [--stores 200] [--seed 1] [--only-orders]

Prints what it found and ends with an error at the first disorder. Hours, not minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path

from protocol.envelope import CHUNK_BYTES, SEALED_CHUNK_BYTES, generate_x25519, recover, seal
from tests.crash.every import cut_power_at_every_operation, kill_at_every_operation, set_scene
from tests.crash.kills import kill_again_and_again
from tests.crash.lessons import LOST_S
from tests.crash.orders import NOW, run_orders
from tests.crash.stores import kill_stores
from tests.fakes.cutfiles import Tail
from tests.school import make_school

RATES_BPS = (64_000, 128_000, 256_000, 512_000, 1_000_000, 2_000_000)
CHUNKS = 5
ASK_AGE_EVERY = 5_003


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--orders", type=int, default=10_000, help="random orders of snapshots of consent")
    parser.add_argument("--stores", type=int, default=200, help="processes killed while they store snapshots")
    parser.add_argument("--only-orders", action="store_true", help="snapshots of consent alone")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backrow-crash-") as folder:
        order_snapshots(Path(folder) / "orders", wanted.orders, wanted.stores, wanted.seed)
        if wanted.only_orders:
            return
        cut_at_every_length(Path(folder))
        cut_at_every_rate(Path(folder))
        kill(Path(folder) / "kills", wanted.kills, wanted.seed)


def order_snapshots(folder: Path, orders: int, stores: int, seed: int) -> None:
    """Let snapshots of consent arrive in random orders with deaths between, and kill real processes that store them."""
    school = make_school(folder / "school", now=NOW)
    tally = run_orders(folder, school, orders=orders, seed=seed)
    kinds = ", ".join(f"{count} {what}" for what, count in sorted(tally.by_kind.items()))
    print(f"{tally.orders} orders of snapshots (seed {seed}), {tally.deaths} deaths, {tally.uses} presses between:")
    print(f"  {kinds}; {tally.refused} refused; each time the newest valid one, or nothing once that had ended")
    killed = kill_stores(folder, school, kills=stores, seed=seed)
    print(f"{killed} processes killed while they stored: what was said to be held is held")


def cut_at_every_length(folder: Path) -> None:
    """Cut a sealed file of five chunks at every byte; the stock `age` gives the same on a sample."""
    identity = generate_x25519(random_bytes=os.urandom)
    (folder / "identity").write_text(identity.encode())
    plaintext = os.urandom(CHUNKS * CHUNK_BYTES)
    sealed = seal(plaintext, [identity.recipient], random_bytes=os.urandom)
    start = recover(BytesIO(sealed)).payload_start
    for length in range(start, len(sealed)):
        found = recover(BytesIO(sealed[:length]))
        assert found.whole_chunks == (length - start) // SEALED_CHUNK_BYTES, length
        if length % ASK_AGE_EVERY == 0:
            _ask_age(folder, sealed[:length], plaintext[: found.whole_chunks * CHUNK_BYTES])
    print(f"{len(sealed) - start} lengths of a file of {CHUNKS} chunks: every whole chunk is found in each")


def _ask_age(folder: Path, torn: bytes, expected: bytes) -> None:
    done = subprocess.run(
        ["age", "-d", "-i", folder / "identity"], input=torn, capture_output=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert done.stdout == expected


def cut_at_every_rate(folder: Path) -> None:
    """The power goes, or the process is killed, at each operation of a lesson, at rates from low to usual."""
    for rate in RATES_BPS:
        scene = set_scene(folder / str(rate), rate)
        kill_at_every_operation(scene)
        for tail in Tail:
            cut_power_at_every_operation(scene, tail)
        print(f"{rate} bit/s: {len(scene.operations)} operations, each killed and cut in {len(Tail)} ways: in order")


def kill(folder: Path, kills: int, seed: int) -> None:
    """Kill the real process at random instants."""
    tally = kill_again_and_again(folder, kills, seed)
    lost = sorted(tally.lost_s)
    print(f"{tally.kills} kills (seed {seed}), {tally.recordings} recordings, all in order; seconds lost by a kill:")
    print(f"  median {statistics.median(lost):.2f}, 99 % {lost[int(0.99 * len(lost))]:.2f}, most {lost[-1]:.2f}")
    assert lost[-1] <= LOST_S


if __name__ == "__main__":
    main()
