"""Several units in one process: of each the uploader and the agent, as `backrow device` runs them, in threads.

    python -m tests.e2e.rooms device.toml …

Each has its own configuration, certificate, data folder, connections and loop; what they share is an interpreter, since
four hundred of these would not fit a small machine. Ends on SIGTERM, and may be killed at any time, as one unit may.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from device.agent import service as agent
from device.config import DeviceConfig, load_config
from device.uploads import service as uploader
from device.world import Stop
from protocol.signals import call_when_told_to_end

log = logging.getLogger("rooms")


def main(paths: list[str]) -> None:
    """Run the units of these configurations until told to stop."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    stop = threading.Event()
    call_when_told_to_end(stop.set)
    loops: tuple[Callable[[DeviceConfig, Stop], None], ...] = (uploader.run, agent.run)
    threads = [
        threading.Thread(target=_run, args=(loop, load_config(Path(path)), stop)) for path in paths for loop in loops
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _run(loop: Callable[[DeviceConfig, Stop], None], config: DeviceConfig, stop: Stop) -> None:
    """Run one loop; one that fails ends them all, as the service manager would see it."""
    try:
        loop(config, stop)
    except Exception:
        log.exception("a loop of %s failed", config.device.label)
        logging.shutdown()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
