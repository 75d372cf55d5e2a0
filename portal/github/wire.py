"""One exchange over HTTP: send a request, hand over the answer's bytes, say in words what went wrong.

Built on the adapter of `requests`, one for each thread, without a session around it: a session would
look for passwords in ~/.netrc and put them in the place of our token, keep cookies, and follow redirects
by rules of its own. Proxies and certificates come from the usual environment variables.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from http.client import HTTPResponse as PlainResponse
from pathlib import Path
from typing import Any, Literal, TypeVar

from requests import PreparedRequest, Request, RequestException, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, ProxyError, SSLError
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError, ReadTimeoutError

from portal.github.errors import GitHubError, UnexpectedReply
from portal.github.links import Origin, origin_of

T = TypeVar("T")

Kind = Literal["unreachable", "broken", "status", "unreadable"]

CHUNK = 64 * 1024
SLOWEST = 16 * 1024  # bytes a second; an answer that trickles in more slowly is given up
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Trouble(Exception):
    """No whole answer. str() completes “GitHub's API at HOST …”; it holds no address beyond the host.

    `pause` is for how many seconds the server asked to be left alone.
    """

    def __init__(self, says: str, kind: Kind, pause: float = 0.0) -> None:
        super().__init__(says)
        self.kind = kind
        self.pause = pause


# --- What the libraries log ---------------------------------------------------------------------


class _NoAddresses(logging.Filter):
    """Drops what urllib3 logs of requests: paths and queries of signed links are as good as passwords."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return False
        record.msg, record.args = "A warning of urllib3 (%s), without its addresses", (record.funcName,)
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def _silence_addresses() -> None:
    for name in ("connection", "connectionpool", "poolmanager", "response", "util.retry", "http2"):
        logging.getLogger(f"urllib3.{name}").addFilter(_NoAddresses())


_silence_addresses()


# --- Time limits --------------------------------------------------------------------------------


class _Exchange:
    """A request on its way: until when its answer must have come. Later, the more has come of it."""

    def __init__(self, total: float, pause: float) -> None:
        self.pause = pause
        self.received = 0
        self._end = time.monotonic() + total
        self._sock: socket.socket | None = None
        self._aborted = False

    @property
    def remaining(self) -> float:
        return self._end + self.received / SLOWEST - time.monotonic()

    def reads_from(self, sock: socket.socket) -> None:
        self._sock = sock
        if self._aborted:
            self.abort()

    def abort(self) -> None:
        """Wake the thread that waits for the answer; it meets the end of the stream."""
        self._aborted = True
        if self._sock is not None:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)


class _Here(threading.local):
    exchange: _Exchange | None = None


_here = _Here()  # the connection belongs to the library; this thread tells it whom it reads for


class _Timely(io.RawIOBase):
    """A socket's bytes, with an end to waiting for them.

    The library's own time limit begins anew with each byte: an answer that drips would never end.
    """

    def __init__(self, raw: Any, sock: socket.socket, exchange: _Exchange) -> None:
        self._raw = raw
        self._sock = sock
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._exchange.remaining
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(remaining, self._exchange.pause))
        number: int | None = self._raw.readinto(buffer)
        self._exchange.received += number or 0
        return number

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimelyResponse(PlainResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if (exchange := _here.exchange) is not None:
            exchange.reads_from(sock)
            self.fp = io.BufferedReader(_Timely(self.fp.detach(), sock, exchange))


class _Connection(HTTPConnection):
    response_class = _TimelyResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TimelyResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


# --- The exchange -------------------------------------------------------------------------------


class Wire:
    """Kept-alive connections of a client, for as many threads as like."""

    def __init__(self, timeouts: tuple[float, float], total_timeout: float) -> None:
        """`timeouts`: seconds to connect, and between two pieces of an answer. `total_timeout`: for a whole
        answer, and a second more for every `SLOWEST` bytes of it."""
        self._timeouts = timeouts
        self._total = total_timeout
        self._verify = _certificates()
        self._proxies: dict[Origin | None, dict[str, str]] = {}
        self._local = threading.local()
        self._adapters: list[_Adapter] = []
        self._exchanges: set[_Exchange] = set()
        self._lock = threading.Lock()

    def exchange(self, request: PreparedRequest, consume: Callable[[Response], T]) -> T:
        """Send, and give back what `consume` makes of the answer. Follows nothing, repeats nothing.

        Raises Trouble where no whole answer came. Library errors never leave: they hold addresses.
        """
        trouble: Trouble | GitHubError
        try:
            with self._under_way():
                response = self._adapter().send(
                    request,
                    stream=True,
                    timeout=self._timeouts,
                    verify=self._verify,
                    proxies=self._proxies_for(request.url or ""),
                )
                with _released(response):
                    return consume(response)
        except (RequestException, HTTPError, HTTPException, OSError, zlib.error) as error:
            trouble = trouble_of(error, self._timeouts)
        # Raised out here, it has no `__context__` through which a library's error could be reached.
        raise trouble

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        exchange = _here.exchange = _Exchange(self._total, self._timeouts[1])
        with self._lock:
            self._exchanges.add(exchange)
        try:
            yield
        finally:
            _here.exchange = None
            with self._lock:
                self._exchanges.discard(exchange)

    def _adapter(self) -> _Adapter:
        adapter: _Adapter | None = getattr(self._local, "adapter", None)
        if adapter is None:
            # One request at a time in a thread: one connection to each host is enough.
            adapter = self._local.adapter = _Adapter(pool_connections=4, pool_maxsize=1)
            with self._lock:
                self._adapters.append(adapter)
        return adapter

    def _proxies_for(self, url: str) -> dict[str, str]:
        origin = origin_of(url)
        if origin not in self._proxies:
            self._proxies[origin] = get_environ_proxies(url, no_proxy=None)
        return self._proxies[origin]

    def abort(self) -> None:
        """End what is under way in other threads, which would wait for their answers else."""
        with self._lock:
            exchanges = list(self._exchanges)
        for exchange in exchanges:
            exchange.abort()

    def close(self) -> None:
        """Close the connections that are kept alive."""
        with self._lock:
            adapters = list(self._adapters)
            self._adapters.clear()
        for adapter in adapters:
            adapter.close()


@contextmanager
def _released(response: Response) -> Iterator[None]:
    """The connection is used again only after an answer read to its end."""
    try:
        yield
        response.raw.release_conn()
    except BaseException:
        response.raw.close()
        raise


def prepare(method: str, url: str, headers: dict[str, str], json: Any = None) -> PreparedRequest:
    """A request as it goes over the wire; raises GitHubError where the address is none."""
    try:
        return Request(method, url, headers=headers, json=json).prepare()
    except (RequestException, ValueError):
        pass
    raise GitHubError(
        "The address of GitHub's API is none: set it to a whole one, as https://api.github.com."
    )


def _certificates() -> bool | str:
    """Where the certificates lie that are trusted in place of those of every browser."""
    for name in _CERTIFICATES:
        if path := os.environ.get(name):
            if Path(path).exists():
                return path
            if name.endswith("_BUNDLE"):
                raise GitHubError(f"{name} names certificates that do not exist: correct or unset it.")
    return True


# --- Bodies -------------------------------------------------------------------------------------


def body_chunks(response: Response, most: int) -> Iterator[bytes]:
    """The body's pieces, unpacked; raises Trouble where it breaks off or is larger than `most` bytes."""
    raw = response.raw
    unpack = Gunzip() if is_gzip(response) else None
    size = 0
    while chunk := raw.read(CHUNK, decode_content=False):
        for piece in unpack.pieces(chunk) if unpack else (chunk,):
            size += len(piece)
            if size > most:
                raise UnexpectedReply(f"An answer is larger than {most:,} bytes: that is more than is taken.")
            yield piece
    told = response.headers.get("Content-Length", "")
    if told.isdigit() and int(told) != raw.tell() and response.request.method != "HEAD":
        raise Trouble("broke off its answer before the end", "broken")
    if unpack and not unpack.is_whole:
        raise Trouble("broke off its packed answer before the end", "broken")


def is_gzip(response: Response) -> bool:
    return response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")


class Gunzip:
    """Unpacks gzip piece by piece, several members too, and knows whether the last one is whole."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, in pieces of at most `CHUNK` bytes: a bomb goes off in small steps."""
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")  # padding between or behind members
                if not data:
                    return
                self._member = zlib.decompressobj(wbits=31)
            self._begun = True
            piece = self._member.decompress(data, CHUNK)
            if piece:
                yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    @property
    def is_whole(self) -> bool:
        return self._member.eof or not self._begun


# --- What went wrong ----------------------------------------------------------------------------


def trouble_of(error: Exception, timeouts: tuple[float, float]) -> Trouble | GitHubError:
    """A library's error in our words; its own hold addresses and headers."""
    if isinstance(error, RequestException) and error.response is not None:
        return Trouble("gave an answer that cannot be read", "unreadable")
    inner = _innermost(error)
    if isinstance(error, ProxyError):
        login = " It asks for a login." if "407" in str(inner) else ""
        return Trouble(
            f"cannot be reached: the proxy does not let us through (HTTPS_PROXY).{login}", "unreachable"
        )
    if isinstance(error, SSLError) or isinstance(inner, ssl.SSLError):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return GitHubError(
                "The certificate of the server is not trusted. Where a proxy of your own opens the traffic, "
                "name its certificate in REQUESTS_CA_BUNDLE; else look who answers at that address."
            )
        return Trouble("could not be spoken to safely: the TLS connection failed", "unreachable")
    return _network_trouble(error, inner, timeouts)


def _network_trouble(error: Exception, inner: BaseException, timeouts: tuple[float, float]) -> Trouble:
    if isinstance(inner, socket.gaierror) or _holds(error, NameResolutionError):
        return Trouble("cannot be reached: its name cannot be found", "unreachable")
    if isinstance(error, ConnectTimeout):
        return Trouble(f"cannot be reached: no connection in {timeouts[0]:g} seconds", "unreachable")
    if isinstance(inner, ConnectionRefusedError):
        return Trouble("cannot be reached: it refuses the connection", "unreachable")
    if _holds(error, NewConnectionError):
        return Trouble("cannot be reached: no connection could be made", "unreachable")
    if isinstance(inner, TimeoutError) and "handshake" in str(inner):
        return Trouble("cannot be reached: it does not speak TLS with us", "unreachable")
    if isinstance(inner, TimeoutError) or _holds(error, ReadTimeoutError):
        return Trouble("took too long to answer", "broken")
    if isinstance(inner, ConnectionResetError | BrokenPipeError):
        return Trouble("cut the connection", "broken")
    return Trouble("broke off its answer before the end", "broken")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        one = queue.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            queue += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]


def _innermost(error: BaseException) -> BaseException:
    """The system's own error behind those that libraries made of it."""
    chain = list(_chain(error))
    system = [one for one in chain if isinstance(one, OSError) and not isinstance(one, RequestException)]
    return (system or chain)[-1]


def _holds(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(one, kind) for one in _chain(error))
