"""The OpenAPI 3.1 document of `/api/v1`, made out of the operations' own table. Pure.

Nothing in it is written by hand but what holds for all operations: the login, the form token, the key of a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from controller.devices.retries import HEADER, LONGEST_KEY
from controller.rest.operations import Mistake, Operation, Refused
from controller.rest.schemas import Schema, schema_of

TOKEN = "X-CSRFToken"  # noqa: S105 - the name of a header
MISTAKES = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
MISTAKES_OF_POST = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_PLACEHOLDER = re.compile(r"<(\w+)>")


def make_document(operations: Sequence[Operation], *, version: str, cookie: str) -> dict[str, Any]:
    """Describe the operations; `version` is the product's, `cookie` the name of a login's."""
    known: dict[str, Schema] = {}
    paths: dict[str, Any] = {}
    for operation in operations:
        for path, told in _describe(operation, known):
            paths.setdefault(path, {})[operation.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "Backrow", "version": version, "description": "See docs/protocol/rest.md."},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(known.items())),
            "securitySchemes": {"login": {"type": "apiKey", "in": "cookie", "name": cookie}},
        },
        "security": [{"login": []}],
    }


def _describe(operation: Operation, known: dict[str, Schema]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not operation.choices:
        path = _PLACEHOLDER.sub(r"{\1}", operation.path)
        yield path, _describe_one(operation, known, path, operation.name)
        return
    for choice, body in operation.choices.items():
        path = _PLACEHOLDER.sub(r"{\1}", operation.path[: operation.path.rindex("<")] + choice)
        told = _describe_one(operation, known, path, f"{operation.name}_{choice}")
        schema = {"content": {"application/json": {"schema": schema_of(body, known)}}}
        yield path, {**told, "requestBody": {**schema, "required": bool(body.__required_keys__)}}


def _describe_one(operation: Operation, known: dict[str, Schema], path: str, name: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": operation.summary,
        "description": f"For accounts of one of the roles {', '.join(operation.roles)}; for others it does not exist.",
        "parameters": list(_parameters(operation, known, path)),
        "responses": _responses(operation, known),
    }


def _parameters(operation: Operation, known: dict[str, Schema], path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for name, kind in operation.query.items():
        yield {"name": name, "in": "query", "schema": schema_of(kind, known)}
    if operation.method == "POST":
        yield {"name": TOKEN, "in": "header", "required": True, "schema": {"type": "string"}}
        key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"}
        yield {"name": HEADER, "in": "header", "schema": key}


def _responses(operation: Operation, known: dict[str, Schema]) -> dict[str, Any]:
    mistakes = (*MISTAKES, *(MISTAKES_OF_POST if operation.method == "POST" else ()))
    found = {HTTPStatus.OK: [operation.answer]}
    for status in mistakes:
        found.setdefault(status, []).append(Mistake)
    for status in operation.refused:
        found.setdefault(status, []).append(Refused)
    return {str(int(status)): _response(status, forms, known) for status, forms in sorted(found.items())}


def _response(status: HTTPStatus, forms: Sequence[type], known: dict[str, Schema]) -> dict[str, Any]:
    schemas = [schema_of(form, known) for form in forms]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": status.phrase, "content": {"application/json": {"schema": schema}}}
