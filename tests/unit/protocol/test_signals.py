"""Being told to end while the main thread is in the middle of something."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

HOLDS_THE_LOCK = """
import os, sys, threading
from protocol.signals import call_when_told_to_end

lock, called = threading.Lock(), threading.Semaphore(0)

def tell():
    with lock:
        called.release()

call_when_told_to_end(tell)
for _ in range(2):
    with lock:
        os.kill(os.getpid(), int(sys.argv[1]))
    called.acquire()
print("ended in order")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_is_heard_while_the_main_thread_holds_what_hearing_needs(number: signal.Signals) -> None:
    """Whatever lock the main thread holds when the signal comes: nothing waits for ever, each signal is heard."""
    done = subprocess.run(
        [sys.executable, "-c", HOLDS_THE_LOCK, str(int(number))], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "ended in order\n"
