"""The shape of the code: a fixed top level, files and functions that can be read in one look, words at every door."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import MADE_BY_TOOLS, ROOT, modules, name_of, nodes_of, parse

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "THIRD_PARTY_NOTICES.md",
    "controller",
    "device",
    "docs",
    "protocol",
    "provisioning",
    "pyproject.toml",
    "systemd",
    "tests",
}
PRODUCT_LINES, TEST_LINES, BODY_LINES = 400, 600, 60
Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_top_level_is_the_fixed_list() -> None:
    """Whoever opens the project finds these entries, and nothing else."""
    found = {path.name for path in ROOT.iterdir() if path.name not in MADE_BY_TOOLS and path.suffix != ".egg-info"}
    assert found - TOP_LEVEL == set()
    assert TOP_LEVEL - found == set()


def lines_of(path: Path) -> int:
    """Count a file's lines."""
    return len(path.read_text("utf-8").splitlines())


def test_file_fits_a_readers_patience() -> None:
    """No module of the product is longer than 400 lines, no test longer than 600."""
    long = {name_of(path): lines_of(path) for path in modules() if lines_of(path) > PRODUCT_LINES}
    long |= {name_of(path): lines_of(path) for path in modules("tests") if lines_of(path) > TEST_LINES}
    assert long == {}


def test_module_says_what_it_is() -> None:
    """Every module begins with a docstring."""
    assert [name_of(path) for path in modules(*_EVERYTHING) if not ast.get_docstring(parse(path))] == []


_EVERYTHING = ("protocol", "device", "controller", "provisioning", "tests")


def functions(path: Path) -> Iterator[Function]:
    """Give every function and method of a module."""
    return (node for node in nodes_of(path) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Count the lines of a function's body, its docstring left out."""
    first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
    return (function.end_lineno or first.lineno) - first.lineno + 1


def test_function_fits_on_a_page() -> None:
    """No function body is longer than 60 lines, in tests neither."""
    long = {
        f"{name_of(path)}:{function.lineno} {function.name}": body_lines(function)
        for path in modules(*_EVERYTHING)
        for function in functions(path)
        if body_lines(function) > BODY_LINES
    }
    assert long == {}


def test_functions_are_short_as_a_rule() -> None:
    """Over the whole product, the middle function has at most 8 lines and nine in ten have fewer than 30."""
    sizes = sorted(body_lines(function) for path in modules() for function in functions(path))
    assert sizes[len(sizes) // 2] <= 8
    assert sizes[len(sizes) * 9 // 10] < 30


def test_public_function_says_what_it_does() -> None:
    """Every public function and class of the product has a docstring, or a decorator that carries its words.

    A port's members (of a `Protocol`) are described by the port, and what fills in a library's class by the library.
    """
    silent = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in modules()
        for node in _public(parse(path).body)
        if not ast.get_docstring(node) and not _has_words(node)
    ]
    assert silent == []


def _has_words(node: Function | ast.ClassDef) -> bool:
    """Tell whether a decorator is called with a text, as the machine's rules are: `@_rule("bookmark this moment")`."""
    calls = (decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call))
    return any(isinstance(argument, ast.Constant) and argument.value for call in calls for argument in call.args)


def _public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Give public functions and classes, and the public methods of public classes, but nothing inside functions."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from (inner for inner in _public(node.body) if isinstance(inner, Function))


def test_no_error_is_swallowed() -> None:
    """Nowhere is every exception caught and dropped."""
    swallowed = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules(*_EVERYTHING)
        for node in nodes_of(path)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and _does_nothing(node)
    ]
    assert swallowed == []


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _EVERY_ERROR) for kind in caught)


_EVERY_ERROR = {"Exception", "BaseException"}


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    """Tell whether nothing but `pass`, `continue` or `...` stands in a handler."""
    return all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in handler.body
    )


@pytest.mark.parametrize(
    ("source", "swallows"),
    [
        ("except Exception: pass", True),
        ("except: ...", True),
        ("except (OSError, BaseException): continue", True),
        ("except OSError: pass", False),
        ("except Exception: raise", False),
    ],
)
def test_swallowed_error_would_be_found(source: str, swallows: bool) -> None:  # noqa: FBT001
    """The check above can fail."""
    tree = ast.parse(f"for x in y:\n try: f()\n {source}")
    (handler,) = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler))
    assert (_catches_everything(handler) and _does_nothing(handler)) is swallows


def facts_of(path: Path) -> Iterator[Function]:
    """Give the test functions of a module."""
    return (function for function in functions(path) if function.name.startswith("test_"))


def test_every_test_states_the_fact_that_it_proves() -> None:
    """A test has a docstring, and a name of a subject and a fact."""
    found = [(path, test) for path in modules("tests") for test in facts_of(path)]
    silent = [f"{name_of(path)}:{test.lineno} {test.name}" for path, test in found if not ast.get_docstring(test)]
    nameless = [test.name for _, test in found if not re.fullmatch(r"test(_[a-z0-9]+){2,}", test.name)]
    assert (silent, nameless) == ([], [])
    assert len(found) > 100
