"""The file host: another origin, signed links that expire, and no patience with a token."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from tests.fake_github.exchange import Incoming
from tests.fake_github.state import Account, Enterprise, Form, Report, State

XML = "application/xml"


def encoded(part: bytes | Sequence[Mapping[str, Any]], form: Form) -> bytes:
    """A part of a report as bytes; bytes stay as they are, but for compression."""
    if not isinstance(part, bytes):
        encode = msgspec.json.encode
        if form == "array":
            part = encode(part)
        elif form == "pretty":
            part = b"\n".join(msgspec.json.format(encode(record), indent=2) for record in part)
        elif form == "bom-crlf":
            part = b"\xef\xbb\xbf" + b"\r\n".join(encode(record) for record in part)
        else:
            part = b"".join(encode(record) + b"\n" for record in part)
    return gzip.compress(part, 1, mtime=0) if form in ("gzip", "content-encoding") else part


class ReportFiles:
    """Gives out links, and answers who follows one."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.origin = ""
        # Every link ever given: none may be found in a log or a database.
        self.given: list[str] = []
        self._secret = secrets.token_bytes(32)

    def links(self, account: Account, name: str, day: str, count: int) -> list[str]:
        """A link for each part, good for `state.link_life`."""
        kind = "enterprise" if isinstance(account, Enterprise) else "organization"
        ends = int((self.state.now() + self.state.link_life).timestamp())
        made = []
        for number in range(count):
            path = f"/files/{kind}/{quote(account.login, safe='')}/{name}/{day}/part-{number:05d}.json"
            made.append(f"{self.origin}{path}?se={ends}&sp=r&sig={self._sign(path, ends)}")
        self.given += made
        return made

    def _sign(self, path: str, ends: int) -> str:
        return hmac.new(self._secret, f"{path}:{ends}".encode(), hashlib.sha256).hexdigest()

    def refusal(self, incoming: Incoming, path: str, query: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and code of why this request gets no file."""
        if "authorization" in incoming.headers:
            return 400, "InvalidAuthenticationInfo"
        ends = query.get("se", "")
        if not ends.isdigit() or not hmac.compare_digest(query.get("sig", ""), self._sign(path, int(ends))):
            return 403, "AuthenticationFailed"
        if int(ends) <= self.state.now().timestamp():
            return 403, "AuthenticationFailed"
        return None

    def read(self, path: str) -> tuple[bytes, Form] | None:
        """The file behind a link; None when there is none any more."""
        _, _, kind, login, name, day, part = path.split("/")
        login = unquote(login)
        account: Account | None = (
            self.state.find_enterprise(login) if kind == "enterprise" else self.state.find_organization(login)
        )
        report: Report | None = account.report(name, day) if account else None
        number = int(part.removeprefix("part-").removesuffix(".json"))
        if report is None or number >= len(report.parts):
            return None
        content = report.parts[number]
        return encoded(content() if callable(content) else content, report.form), report.form


def xml(code: str) -> bytes:
    """An error of the file host."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code>'
        f"<Message>Server failed to authenticate the request.</Message></Error>"
    ).encode()
