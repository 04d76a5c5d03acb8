"""One operation of `/api/v1` as data: from the same value its address is added and the OpenAPI document made.

Also the forms of what is answered when it is refused. docs/protocol/rest.md. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypedDict

from controller.accounts.models import Role
from controller.devices.refusals import Fault

Instant = Annotated[str, "date-time"]
"""An instant as JSON tells it: ISO 8601 with its zone."""


class Refused(TypedDict):
    """A request that was understood and refused."""

    error: Literal["refused"]
    code: Fault
    field: str
    detail: str
    remedy: str


class Mistake(TypedDict):
    """A request that never came to an operation: no login, no token, no such address."""

    error: str
    detail: str | None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`name` is its method in the views; `choices` are the values of its last placeholder, each with its body's form.

    `refused` are the statuses of refusals beside those that every operation has.
    """

    name: str
    path: str
    summary: str
    answer: type
    roles: tuple[Role, ...]
    method: Literal["GET", "POST"] = "GET"
    query: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    refused: tuple[HTTPStatus, ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)
