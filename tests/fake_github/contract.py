"""The contract: which answers GitHub's own description allows.

`contract.json` holds the response schemas of the operations here, trimmed from GitHub's OpenAPI description
(version 23.0.2; the two closed systems from 22.0.0 and 18.2.0), `reports.json` those of the report files.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, FormatChecker

HERE = Path(__file__).parent
# A longer list is looked at in its first and last items: they all come out of the same place.
ENDS = 2
# Of each operation and status so many answers are checked.
ENOUGH = 25

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return (
        not isinstance(value, str) or datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    )


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or value.startswith(("http://", "https://"))


@cache
def operations() -> dict[str, Any]:
    """Operation → {"parameters": …, "responses": {status: schema}}."""
    document: dict[str, Any] = json.loads((HERE / "contract.json").read_text())
    return document


@cache
def validator(operation: str, status: str) -> Draft202012Validator | None:
    """What checks one answer; None where the contract knows no body."""
    document = operations()
    schema = document["operations"][operation]["responses"].get(status)
    if not schema:
        return None
    return Draft202012Validator({**schema, "$defs": document["$defs"]}, format_checker=FORMATS)


@cache
def report_validator(name: str) -> Draft202012Validator:
    """What checks a record of a report: "users-1-day", "organization-28-day" …"""
    schemas = json.loads((HERE / "reports.json").read_text())
    return Draft202012Validator(schemas[name.replace("enterprise-", "organization-")])


class Contract:
    """Compares answers with the contract and keeps what does not fit."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._checked: Counter[tuple[str, int]] = Counter()

    def check(self, operation: str, status: int, body: Any) -> None:
        """Looks at the first answers of each operation and status."""
        if self._checked[operation, status] >= ENOUGH:
            return
        self._checked[operation, status] += 1
        known = operations()["operations"].get(operation)
        if known is None:
            self.violations.append(f"{operation} is not in the contract")
            return
        if not _may_answer(known, operation, status):
            self.violations.append(f"{operation} answered {status}, which the contract does not have")
            return
        check = validator(operation, str(status))
        if check is None or body is None:
            return
        for error in check.iter_errors(_ends(decoded(body))):
            where = "/".join(str(part) for part in error.absolute_path)
            self.violations.append(f"{operation} {status} at {where or 'the top'}: {error.message[:300]}")


# Statuses that belong to the connection, the credential or the version, not to one operation.
ALWAYS_POSSIBLE = frozenset({304, 307, 400, 401, 403, 404, 410, 422, 429, 500, 502, 503})


def _may_answer(known: dict[str, Any], operation: str, status: int) -> bool:
    """A report that is missing may always be told by 204, though only some descriptions say so."""
    if status == 204 and "/metrics/reports/" in operation:
        return True
    return str(status) in known["responses"] or status in ALWAYS_POSSIBLE


def decoded(body: Any) -> Any:
    return msgspec.json.decode(body) if isinstance(body, bytes) else body


def _ends(body: Any) -> Any:
    """The body with long lists cut to their first and last items."""
    if isinstance(body, list) and len(body) > ENDS * 2:
        return [*body[:ENDS], *body[-ENDS:]]
    if isinstance(body, dict) and isinstance(body.get("seats"), list):
        return body | {"seats": _ends(body["seats"])}
    return body
