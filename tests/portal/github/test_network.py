"""The way to GitHub: proxies, certificates of one's own, another base address; and no password of others."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from portal.github.auth import TokenAuth
from portal.github.client import GitHub
from portal.github.errors import GitHubError, ServerTrouble
from tests.fake_github import FakeGitHub, State
from tests.portal.github.conftest import OCTO, TOKEN, MakeClient
from tests.portal.github.scripted import Scripted, reply

GOOD = reply(b'{"total_seats":0,"seats":[]}')


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor certificates of the machine that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("prefix", ["", "/api/v3", "/a/b"])
def test_the_base_address_may_have_a_path(state: State, make_client: MakeClient, prefix: str) -> None:
    with FakeGitHub(state, prefix=prefix) as fake:
        for url in (fake.url, f"{fake.url}/"):
            assert make_client(url=url).seats(OCTO).is_complete
        assert {request.status for request in fake.requests} == {200}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with Scripted(GOOD) as proxy:
        monkeypatch.setenv(name, proxy.url)
        with GitHub("http://github.example/api/v3", TokenAuth(TOKEN)) as client:
            assert client.seats(OCTO).is_complete
    assert proxy.requests[0].startswith(b"GET http://github.example/api/v3/orgs/octo/copilot/billing/seats?")


def test_a_secure_connection_goes_through_the_proxy_in_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted([b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n"], closes=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            GitHub("https://github.example", TokenAuth(TOKEN), retries=0) as client,
            pytest.raises(ServerTrouble, match="HTTPS_PROXY"),
        ):
            client.seats(OCTO)
    assert proxy.requests[0].startswith(b"CONNECT github.example:443 ")
    assert TOKEN.encode() not in proxy.requests[0]


def test_no_proxy_is_used_for_hosts_that_need_none(
    monkeypatch: pytest.MonkeyPatch, make_client: MakeClient
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,.internal")
    assert make_client().seats(OCTO).is_complete


def test_passwords_of_the_machine_do_not_replace_the_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Scripted(GOOD) as server, GitHub(server.url, TokenAuth(TOKEN)) as client:
        client.seats(OCTO)
    assert f"Authorization: Bearer {TOKEN}".encode() in server.requests[0]


def test_cookies_are_not_kept() -> None:
    with Scripted(reply(b'{"total_seats":0,"seats":[]}', Set_Cookie="a=b; Path=/")) as server:
        with GitHub(server.url, TokenAuth(TOKEN)) as client:
            client.seats(OCTO)
            client.seats(OCTO)
        assert not any(b"ookie" in request for request in server.requests)
        assert server.connections == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody has signed but itself, in one file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=400))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure_url(certificate: Path) -> Iterator[str]:
    """A server on loopback that speaks TLS and always gives the same answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def greet(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as connection:
            while connection.recv(65536):
                connection.sendall(bytes(GOOD[0]))  # type: ignore[arg-type]

    with accepting(greet) as port:
        yield f"https://localhost:{port}"


@contextlib.contextmanager
def accepting(greet: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which every connection is greeted, one after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    greet(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_of_ones_own_is_trusted(
    monkeypatch: pytest.MonkeyPatch, secure_url: str, certificate: Path, name: str
) -> None:
    monkeypatch.setenv(name, str(certificate))
    with GitHub(secure_url, TokenAuth(TOKEN)) as client:
        assert client.seats(OCTO).is_complete
        assert client.seats(OCTO).is_complete


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(secure_url: str) -> None:
    with (
        GitHub(secure_url, TokenAuth(TOKEN)) as client,
        pytest.raises(GitHubError, match="REQUESTS_CA_BUNDLE"),
    ):
        client.seats(OCTO)
    assert client.counted.requests == 1


def test_a_file_of_certificates_that_does_not_exist_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with pytest.raises(GitHubError, match="REQUESTS_CA_BUNDLE names certificates"):
        GitHub("https://api.github.com", TokenAuth(TOKEN))


def test_a_server_that_speaks_no_tls_is_told() -> None:
    def greet(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with (
        accepting(greet) as port,
        GitHub(f"https://127.0.0.1:{port}", TokenAuth(TOKEN), backoff=0.01) as client,
        pytest.raises(ServerTrouble, match="TLS connection failed, 3 times"),
    ):
        client.seats(OCTO)


def test_a_server_that_says_nothing_is_told_soon() -> None:
    over = threading.Event()
    with accepting(lambda connection: over.wait(30)) as port:
        with (
            GitHub(f"https://127.0.0.1:{port}", TokenAuth(TOKEN), backoff=0.01, timeouts=(0.1, 1)) as client,
            pytest.raises(ServerTrouble, match="cannot be reached"),
        ):
            client.seats(OCTO)
        over.set()
    assert client.counted.requests == 3
