"""Debian's Chromium by Playwright, and how to wait in pages whose policy forbids evaluating strings."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_S = 30


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Start Chromium; nothing of it is downloaded."""
    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("chromium is missing; install it: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def wait_until(page: Page, expression: str, wanted: Callable[[Any], bool] = bool) -> Any:
    """Evaluate an expression again and again until it gives what is wanted; raise `AssertionError` after half a minute.

    `Page.wait_for_function` evaluates strings inside the page, which the pages' policy rightly forbids.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(found := page.evaluate(expression)):
        assert time.monotonic() < deadline, f"{expression} stayed {found!r}"
        page.wait_for_timeout(50)
    return found
