"""All benchmarks, one after the other: `python -m tests.benchmarks [NAME…]`.

Each measures beside its peer, or against a limit, in one run, prints ratios, and asserts nothing.
"""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = (
    "sealing",
    "ingest",
    "crowd",
    "muxing",
    "sound",
    "mask",
    "responding",
    "unit",
    "first_second",
    "schedules",
    "tick",
    "roster",
    "consent",
)


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them."""
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        print(f"— {name}", flush=True)
        importlib.import_module(f"tests.benchmarks.{name}").main()
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
