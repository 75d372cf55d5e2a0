"""The server: an API on one port, report files on another."""

from __future__ import annotations

import gzip
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any

import msgspec

from tests.fake_github import access, operations
from tests.fake_github.contract import Contract
from tests.fake_github.door import Door, Outgoing
from tests.fake_github.exchange import Incoming, Refused, Reply, Request, segments
from tests.fake_github.limits import UNSAID, Budget, Limits
from tests.fake_github.operations import Call, Operation
from tests.fake_github.report_files import XML, ReportFiles, xml
from tests.fake_github.state import App, State, Token
from tests.fake_github.trouble import LIMITS, ON_THE_WIRE, Trouble, Troubles, first_to_strike

HTML = (
    b"<!DOCTYPE html><html><head><title>Unicorn! &middot; GitHub</title></head>"
    b"<body>No server is currently available.</body></html>"
)
OLDEST_VERSION = "2022-11-28"


class ContractBroken(AssertionError):
    """The server itself answered what the contract does not allow."""


class FakeGitHub:
    """GitHub on loopback, for a `with` block.

    `latency` is in seconds for each answer of the API. With `check` every kind of answer is compared with
    the contract's schemas, and leaving the block raises ContractBroken when one does not fit.
    """

    def __init__(
        self,
        state: State | None = None,
        *,
        latency: float = 0.0,
        check: bool = True,
        port: int = 0,
        files_port: int = 0,
        prefix: str = "",
        compresses: bool = False,
    ) -> None:
        self.state = state or State()
        self.latency = latency
        self.prefix = prefix
        self.compresses = compresses
        self.trouble: Troubles = None
        # Called with each API request before it is answered: a test may change the state there.
        self.before_answer: Callable[[Request], None] | None = None
        self.requests: list[Request] = []
        self.report_requests: list[Request] = []
        # Most requests that were being answered at the same time.
        self.busiest = 0
        self.files = ReportFiles(self.state)
        self.limits = Limits(self.state)
        self.contract = Contract() if check else None
        self._busy = 0
        self._lock = threading.Lock()
        self._api = Door(self._answer, port=port)
        self._file_host = Door(self._answer_file, port=files_port)
        self.files.origin = self._file_host.url

    # For tests ---------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return self._api.url + self.prefix

    @property
    def files_url(self) -> str:
        """The origin of the report files."""
        return self._file_host.url

    @property
    def too_early(self) -> list[Request]:
        """Requests that came before the time GitHub had asked to wait for; `.until` says which."""
        return self.limits.too_early

    @property
    def leaks(self) -> list[Request]:
        """Requests for files that carried a token."""
        return [request for request in self.report_requests if request.has_authorization]

    @property
    def signed_urls(self) -> list[str]:
        """Every link to a file that was given out."""
        return self.files.given

    def calls(self, operation: str = "") -> list[Request]:
        """The API requests, or those of one operation such as "GET /orgs/{org}/members"."""
        return [request for request in self.requests if operation in ("", request.operation)]

    def counted(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(request.operation for request in self.requests)

    def forget(self) -> None:
        """Empties the record of requests."""
        self.requests.clear()
        self.report_requests.clear()
        self.limits.too_early.clear()
        self.busiest = 0

    def restart(self) -> None:
        """Cuts every open connection; new ones are welcome."""
        self._api.cut_all()
        self._file_host.cut_all()

    # Opening and closing -----------------------------------------------------------------------

    def start(self) -> FakeGitHub:
        self._api.start()
        self._file_host.start()
        return self

    def close(self) -> None:
        """Ends every connection and thread; raises what went wrong in the server itself."""
        self._api.close()
        self._file_host.close()
        for error in (*self._api.failures, *self._file_host.failures):
            raise error
        if self.contract is not None and self.contract.violations:
            raise ContractBroken("\n".join(self.contract.violations))

    def __enter__(self) -> FakeGitHub:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception:
            # What the test itself found comes first.
            if error is None:
                raise

    # The API -----------------------------------------------------------------------------------

    def _request(self, incoming: Incoming, connection: int) -> Request:
        path, query = incoming.split()
        body: Any = None
        if incoming.body:
            try:
                body = msgspec.json.decode(incoming.body)
            except msgspec.DecodeError:
                body = None
        return Request(
            incoming.method,
            path.removeprefix(self.prefix),
            query,
            set(incoming.headers),
            "authorization" in incoming.headers,
            self.state.now(),
            connection=connection,
            body=body,
        )

    def _answer(self, incoming: Incoming, connection: int) -> Outgoing:
        request = self._request(incoming, connection)
        with self._lock:
            self.requests.append(request)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            if self.before_answer is not None:
                self.before_answer(request)
            if self.latency:
                time.sleep(self.latency)
            reply, trouble = _Turn(self, incoming, request).take()
        finally:
            with self._lock:
                self._busy -= 1
        return self._outgoing(incoming, request, reply, trouble)

    def _outgoing(
        self, incoming: Incoming, request: Request, reply: Reply, trouble: Trouble | None
    ) -> Outgoing:
        on_the_wire = trouble if trouble and trouble.kind in ON_THE_WIRE else None
        request.status = 0 if on_the_wire and on_the_wire.kind != "drip" else reply.status
        body = reply.encoded()
        headers = {
            "Server": "github.com",
            "Date": format_datetime(self.state.now().astimezone(UTC), usegmt=True),
            **({"Content-Type": reply.content_type} if body else {}),
            **reply.headers,
        }
        if self.compresses and len(body) > 200 and "gzip" in incoming.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        return Outgoing(reply.status, headers, body, on_the_wire)

    # The file host -----------------------------------------------------------------------------

    def _answer_file(self, incoming: Incoming, connection: int) -> Outgoing:
        request = self._request(incoming, connection)
        with self._lock:
            self.report_requests.append(request)
        reply, trouble = self._file(incoming, request)
        return self._outgoing(incoming, request, reply, trouble)

    def _file(self, incoming: Incoming, request: Request) -> tuple[Reply, Trouble | None]:
        refusal = self.files.refusal(incoming, request.path, request.query)
        if refusal is not None:
            return Reply(refusal[0], xml(refusal[1]), content_type=XML), None
        trouble = first_to_strike(self.trouble, request)
        kind = request.trouble = trouble.kind if trouble else ""
        if kind == "expired-link":
            return Reply(403, xml("AuthenticationFailed"), content_type=XML), trouble
        if kind in ("500", "502", "503", "html"):
            return _failure(kind, trouble), trouble
        found = self.files.read(request.path)
        if found is None:
            return Reply(404, xml("BlobNotFound"), content_type=XML), trouble
        body, form = found
        if kind == "half-file":
            # Never between two lines: such a file would look whole.
            line = body.rfind(b"\n", 0, len(body) // 2) + 1
            body = body[: line + 20 if line else len(body) // 2]
        headers = {"Content-Encoding": "gzip"} if form == "content-encoding" else {}
        return Reply(200, body, headers, "application/octet-stream"), trouble


def _failure(kind: str, trouble: Trouble | None) -> Reply:
    """A server that fails, or shows a page where data should be."""
    wait = {"Retry-After": str(trouble.retry_after)} if trouble and trouble.retry_after is not None else {}
    if kind == "500":
        return Reply(500, {"message": "Server Error", "documentation_url": "", "status": "500"}, wait)
    status = 200 if kind == "html" else int(kind)
    return Reply(status, HTML, wait, content_type="text/html; charset=utf-8")


class _Turn:
    """One request on its way to an answer."""

    def __init__(self, github: FakeGitHub, incoming: Incoming, request: Request) -> None:
        self.github = github
        self.state = github.state
        self.limits = github.limits
        self.incoming = incoming
        self.request = request
        self.version = incoming.headers.get("x-github-api-version") or OLDEST_VERSION
        self.token: Token | None = None
        self.app: App | None = None
        self.operation: Operation | None = None
        self.trouble: Trouble | None = None
        self.is_known = False

    def take(self) -> tuple[Reply, Trouble | None]:
        try:
            reply = self._reply()
        except Refused as refused:
            reply = refused.reply
        if self.trouble is None and self.operation is not None and self.github.contract is not None:
            self.github.contract.check(self.operation.key, reply.status, reply.body)
        reply.headers = self._headers() | reply.headers
        return reply, self.trouble

    def _headers(self) -> dict[str, str]:
        headers = {
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Api-Version-Selected": self.version,
            "X-GitHub-Request-Id": f"F4KE:{id(self.request):X}",
        }
        if self.version in self.state.sunset:
            sunset = self.state.sunset[self.version]
            headers["Deprecation"] = f"@{int((sunset - timedelta(days=365)).timestamp())}"
            headers["Sunset"] = format_datetime(sunset.astimezone(UTC), usegmt=True)
        if self.is_known:
            headers |= self.limits.budget(self.token, self.app).headers()
        if self.token is not None and self.token.kind == "classic":
            headers["X-OAuth-Scopes"] = ", ".join(sorted(self.token.scopes))
            headers["X-Accepted-OAuth-Scopes"] = ", ".join(self.operation.scopes if self.operation else ())
        if self.token is not None and self.token.expires_at and self.token.kind != "installation":
            headers["GitHub-Authentication-Token-Expiration"] = access.expires_text(self.token.expires_at)
        return headers

    def _reply(self) -> Reply:
        self._check_manners()
        self.token, self.app = access.identify(self.state, self.incoming.headers.get("authorization"))
        self.is_known = True
        found = operations.find(self.request.method, segments(self.request.path))
        if found is not None:
            self.operation, parts = found
            self.request.operation = self.operation.key
        if self.operation is None or not self.operation.is_free:
            self.limits.check_hold(self.limits.whose(self.token, self.app), self.request)
            self.limits.check_pause(self.request)
        self.trouble = first_to_strike(self.github.trouble, self.request)
        self._strike()
        if found is None or self.operation is None or self.request.path in self.state.unserved:
            raise Refused(404, "Not Found")
        access.check(self.operation, self.token, self.app, self.request.path)
        self.limits.spend(self.operation, self.token, self.app, self.request)
        kind = self.request.trouble
        call = Call(
            self.state,
            self.request,
            self.incoming,
            self.operation,
            parts,
            self.github.files,
            f"http://{self.incoming.headers.get('host', '')}",
            self.token,
            self.app,
            self.limits.budget(self.token, self.app),
            self.version,
            shift=kind if kind.startswith("shift") else "",
            is_emptied=kind == "empty-roster",
        )
        if kind == "redirect" and "redirected" not in self.request.query:
            return Reply(307, {"message": "Temporary Redirect"}, {"Location": call.url(redirected=1)})
        with self.state.lock:
            reply = self.operation.handler(call)
        if kind == "500-late":
            return _failure("500", self.trouble)
        if kind.endswith("-next"):
            other = call.url() if kind == "endless-next" else "https://elsewhere.example/page?page=2"
            reply.headers["Link"] = f'<{other}>; rel="next"'
        if kind == "wrong-shape":
            reply.body = {"message": "ok"} if reply.encoded()[:1] == b"[" else []
        return self._unless_unchanged(reply)

    def _check_manners(self) -> None:
        """What GitHub wants of every request."""
        if not self.incoming.headers.get("user-agent"):
            raise Refused(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a "
                "User-Agent header.",
            )
        if self.version in self.state.retired_versions:
            raise Refused(410, f"Version {self.version} of the API is no longer supported.")
        if self.version not in self.state.versions:
            raise Refused(400, f"'{self.version}' is not a supported API version.")
        path = self.incoming.target.split("?")[0]
        if not path.startswith(self.github.prefix) or (len(path) > 1 and path.endswith("/")):
            raise Refused(404, "Not Found")

    def _strike(self) -> None:
        """The troubles that replace the answer."""
        if self.trouble is None:
            return
        kind = self.request.trouble = self.trouble.kind
        if kind in LIMITS:
            raise self._limited(self.trouble)
        if kind == "401":
            raise Refused(401, "Bad credentials")
        if kind in ("500", "502", "503", "html"):
            if self.trouble.retry_after is not None:
                self.limits.pause(self.request, self.trouble.retry_after)
            raise Refused.with_reply(_failure(kind, self.trouble))
        if kind in ("reset", "stall"):
            # Nothing was done: the request never arrived.
            raise Refused.with_reply(Reply(500))

    def _limited(self, trouble: Trouble) -> Refused:
        status = 429 if trouble.kind.startswith("429") else 403
        if trouble.kind.endswith("primary"):
            limit = self.limits.budget(self.token, self.app).limit
            reset = math.ceil(self.request.at.timestamp()) + trouble.reset_in
            reply = Limits.primary(Budget(limit, limit, reset), status, trouble.retry_after)
            until = datetime.fromtimestamp(reset, UTC)
        else:
            reply = Limits.secondary(status, trouble.retry_after)
            until = self.state.now() + UNSAID
        if trouble.retry_after is not None:
            until = self.state.now() + timedelta(seconds=trouble.retry_after)
        self.limits.hold(self.limits.whose(self.token, self.app), reply, until, self.request)
        return Refused.with_reply(reply)

    def _unless_unchanged(self, reply: Reply) -> Reply:
        """An ETag for what was read; 304 without a charge for who has it already."""
        if self.request.method != "GET" or reply.status != 200:
            return reply
        body = reply.encoded()
        tag = f'W/"{hash(body) & 0xFFFFFFFFFFFFFFFF:016x}"'
        reply.headers["ETag"] = tag
        if self.incoming.headers.get("if-none-match") == tag:
            self.limits.refund(self.token, self.app)
            return Reply(304, None, {"ETag": tag})
        if not isinstance(reply.body, bytes):
            reply.body = body
        return reply
