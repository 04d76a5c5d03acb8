"""The passphrase that seals the root's part: out of a file's first line, or from a person at the terminal.

Never shown, never kept. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from pathlib import Path

import click

from provisioning.keys.errors import KeysError

LEAST_CHARS = 16  # six words, or 16 random letters: whoever finds the stick may try for years


def choose_passphrase(path: Path | None) -> bytes:
    """Give a new passphrase, asked twice unless it comes from a file; raise `KeysError` when it is too short."""
    chosen = _first_line(path) if path else _ask(confirm="Again")
    if len(chosen) < LEAST_CHARS:
        raise KeysError(
            f"the passphrase: expected at least {LEAST_CHARS} characters, got {len(chosen)}; six words by dice are good"
        )
    return chosen.encode("utf-8")


def fetch_passphrase(path: Path | None) -> bytes:
    """Give the passphrase of something that is sealed already."""
    return (_first_line(path) if path else _ask()).encode("utf-8")


def _ask(confirm: str | None = None) -> str:
    try:
        typed: str = click.prompt("Passphrase of the root", hide_input=True, confirmation_prompt=confirm or False)
    except click.Abort:
        raise KeysError("no passphrase was typed, and there is none in a file: give --passphrase-file") from None
    return typed


def _first_line(path: Path) -> str:
    try:
        line = path.read_text("utf-8").split("\n", 1)[0].removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(f"{path}: the passphrase cannot be read: {error}") from None
    if not line:
        raise KeysError(f"{path}: expected the passphrase in the first line, got none")
    return line
