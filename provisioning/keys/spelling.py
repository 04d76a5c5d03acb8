"""Spells `backrow provision keys …` as the person at this terminal can paste it: with the folders that they named.

Pure: asks no disk. Where the root's folder was not named, the option stands there with a word to replace.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

WHERE_THE_ROOT_LIES = "FOLDER-OF-THE-ROOT"


@dataclass(frozen=True, kw_only=True)
class Typed:
    """The folders that a command was given; `root` is None where it was not named."""

    keys: Path
    root: Path | None = None

    def spell(self, *words: str) -> str:
        """Spell a command that needs no root."""
        return shlex.join(["backrow", "provision", "keys", *words, "--keys", str(self.keys)])

    def spell_with_root(self, *words: str) -> str:
        """Spell a command that needs the root's part."""
        if self.root == self.keys:
            return self.spell(*words)
        return f"{self.spell(*words)} {shlex.join(['--root-folder', str(self.root or WHERE_THE_ROOT_LIES)])}"
