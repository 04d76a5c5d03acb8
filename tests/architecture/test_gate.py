"""The spool's one gate: who may name what lies in it, and who may change it."""

from __future__ import annotations

import ast
import re

from tests.architecture.source import lies_in, modules, name_of, nodes_of

GATE = "device/spool/store.py"
NAME_IN_THE_SPOOL = re.compile(r"\.age$|^manifest$|^\.reserve$")
CHANGES = {"create", "put_key", "remove_object", "remove_recording", "remove_drafts", "hold_reserve", "release_reserve"}
GUESTS = ("device/uploads/", "device/agent/", "device/health/", "device/identity/", "device/consent/")


def test_paths_below_the_spool_are_made_in_one_place() -> None:
    """No other module of the unit spells the name of a manifest, a key or a segment's file."""
    spelled = [
        f"{name_of(path)}:{node.lineno} {node.value!r}"
        for path in modules("device")
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME_IN_THE_SPOOL.search(node.value)
    ]
    assert [each for each in spelled if not each.startswith(GATE)] == []
    assert len([each for each in spelled if each.startswith(GATE)]) >= 3


def test_network_processes_change_nothing_in_the_spool() -> None:
    """Agent and uploader are guests: they call none of the store's methods that write or unlink."""
    calls = [
        (path, node)
        for path in modules("device")
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and node.attr in CHANGES
    ]
    assert [f"{name_of(path)}:{node.lineno} {node.attr}" for path, node in calls if lies_in(path, GUESTS)] == []
    assert {node.attr for _, node in calls} == CHANGES
