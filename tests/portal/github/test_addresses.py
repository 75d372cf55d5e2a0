"""Addresses: whose they are, which may be followed, and what a `Link` header says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.github.links import (
    DEFAULT_REPORT_HOSTS,
    ReportHosts,
    origin_of,
    page_number,
    read_links,
    with_page,
)

BASE = "https://api.github.com/orgs/octo/copilot/billing/seats?per_page=100"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://api.github.com/a", "https://API.GitHub.com:443/b?c=d"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://api.github.com/", "https://api.github.com./"),
    ],
)
def test_addresses_of_one_server_have_one_origin(one: str, other: str) -> None:
    assert origin_of(one) == origin_of(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://api.github.com/", "http://api.github.com/"),
        ("https://api.github.com/", "https://api.github.com:8443/"),
        ("https://api.github.com/", "https://api.github.com.evil.example/"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:2/"),
    ],
)
def test_another_scheme_port_or_host_is_another_origin(one: str, other: str) -> None:
    assert origin_of(one) != origin_of(other)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/orgs/octo",
        "ftp://api.github.com/",
        "file:///etc/passwd",
        "https://",
        "https://api.github.com@evil.example/",
        "https://user:secret@api.github.com/",
        "https://evil.example\\@api.github.com/",
        "https://api.github.com\\.evil.example/",
        "https://api.github.com/ evil",
        "https://api.github.com\r\nX: y/",
        "https://[::1",
        "https://api.github.com:99999999/",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    assert origin_of(url) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_an_address(text: str) -> None:
    for url in (text, f"https://{text}", f"https://api.github.com{text}"):
        origin = origin_of(url)
        assert origin is None or origin.host


def test_a_link_header_tells_the_pages() -> None:
    header = (
        f'<{BASE}&page=2>; rel="next", <{BASE}&page=5>; rel="last", '
        f'<{BASE}&page=9>; rel="next"; title="a, b; c", <{BASE}&page=1>; title="x"; rel=first'
    )
    assert read_links(header, BASE) == {
        "next": f"{BASE}&page=2",
        "last": f"{BASE}&page=5",
        "first": f"{BASE}&page=1",
    }


def test_a_link_may_be_relative_and_of_several_relations() -> None:
    links = read_links('</organizations/9001/seats?page=2>; rel="next last"', BASE)
    assert links["next"] == links["last"] == "https://api.github.com/organizations/9001/seats?page=2"


@pytest.mark.parametrize(
    "header", ["", "nonsense", "<>", "<a>; rel", "<a", ",,,;;;", '<http://[>; rel="next"']
)
def test_a_broken_link_header_leads_nowhere(header: str) -> None:
    assert "next" not in read_links(header, BASE)


@given(st.text(alphabet='<>;,="abrel nextls&?/:[]\\\n', max_size=120) | st.text(max_size=60))
def test_no_link_header_breaks_its_reading(header: str) -> None:
    for name, url in read_links(header, BASE).items():
        assert name
        assert isinstance(url, str)


@given(
    pages=st.dictionaries(
        st.sampled_from(["next", "last", "prev", "first"]), st.integers(1, 10**6), min_size=1
    ),
    blanks=st.sampled_from(["", " ", "  "]),
)
def test_every_relation_that_is_written_is_read(pages: dict[str, int], blanks: str) -> None:
    header = f",{blanks}".join(f'<{BASE}&page={page}>;{blanks}rel="{name}"' for name, page in pages.items())
    assert {name: page_number(url) for name, url in read_links(header, BASE).items()} == pages


@given(st.integers(1, 10**8))
def test_the_address_of_a_page_differs_in_the_page_alone(number: int) -> None:
    for url in (f"{BASE}&page=7", "https://h/?page=7&per_page=100", "https://h/?a_page=3&page=7"):
        assert page_number(with_page(url, number)) == number
        assert with_page(with_page(url, number), 7) == url


def test_an_address_without_or_with_two_pages_has_none() -> None:
    assert page_number(BASE) is None
    assert page_number("https://h/?page=1&page=2") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://copilot-reports.github.com/a?sig=b",
        "https://copilot-reports.octo.ghe.com/a",
        "https://copilot-reports-f5hz.b01.azurefd.net/a",
        "https://COPILOT-REPORTS.github.com:443/a",
    ],
)
def test_reports_come_from_githubs_hosts(url: str) -> None:
    origin = origin_of(url)
    assert origin is not None
    assert ReportHosts(DEFAULT_REPORT_HOSTS).allows(origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://copilot-reports.github.com/a",
        "https://copilot-reports.github.com:8443/a",
        "https://copilot-reports.github.com.evil.example/a",
        "https://evil.example/copilot-reports.github.com",
        "https://xcopilot-reports.github.com/",
        "https://copilot-reports-.evil.example/.azurefd.net",
        "https://api.github.com/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_reports_come_from_nowhere_else(url: str) -> None:
    origin = origin_of(url)
    assert origin is not None
    assert not ReportHosts(DEFAULT_REPORT_HOSTS).allows(origin)


@pytest.mark.parametrize("entry", ["127.0.0.1", "localhost", "[::1]", "::1", "http://127.0.0.1"])
def test_a_bare_loopback_host_allows_http_and_any_port(entry: str) -> None:
    host = entry.removeprefix("http://").strip("[]")
    shown = f"[{host}]" if ":" in host else host
    for url in (f"http://{shown}:8123/a", f"https://{shown}/a"):
        origin = origin_of(url)
        assert origin is not None
        assert ReportHosts([entry]).allows(origin)


def test_an_entry_may_name_a_port() -> None:
    hosts = ReportHosts(["reports.example.com:8443"])
    with_port, without = (
        origin_of("https://reports.example.com:8443/"),
        origin_of("https://reports.example.com/"),
    )
    assert with_port is not None
    assert without is not None
    assert hosts.allows(with_port)
    assert not hosts.allows(without)


def test_a_loopback_host_with_a_port_allows_http_on_that_port_alone() -> None:
    hosts = ReportHosts(["http://127.0.0.1:8123"])
    named, other = origin_of("http://127.0.0.1:8123/a"), origin_of("http://127.0.0.1:8124/a")
    assert named is not None
    assert other is not None
    assert hosts.allows(named)
    assert not hosts.allows(other)


@pytest.mark.parametrize(
    "entry", ["", "*", "*.com", "copilot*", "https://a.b/c", "a b", "copilot-reports.*", "*.*"]
)
def test_an_entry_that_would_let_anybody_in_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="no host that reports may come from"):
        ReportHosts([entry])
