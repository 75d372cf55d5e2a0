"""What holds all pages together: the sidebar names them, the stylesheet's colours can be seen."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from metrics.dashboards import every  # noqa: F401 - registers the pages
from metrics.dashboards.drawn import chart
from metrics.dashboards.names import NAMELESS, label
from metrics.dashboards.panel import Column, Drawing, Form, Headline, Kind, Panel
from metrics.dashboards.registry import RegisteredPanel, pages
from metrics.dashboards.shown import in_rows
from metrics.dashboards.table import step
from metrics.dashboards.written import change, written
from metrics.models import ScopeDay
from portal.site import SIDEBAR
from seats.models import Account
from tests.conftest import TODAY

CSS = Path(__file__).parents[3] / "metrics" / "static" / "metrics" / "dashboard.css"


def listed_links() -> list[Any]:
    return list(dict(SIDEBAR)["Dashboards"])


def test_the_sidebar_names_every_listed_page_in_order_and_with_its_permission() -> None:
    listed = sorted((page for page in pages.values() if page.listed), key=lambda page: page.order)

    assert [(f"metrics:{page.slug}", page.permission) for page in listed] == [
        (link.url_name, link.permission) for link in listed_links()
    ]


def test_every_page_has_panels_that_say_what_they_count() -> None:
    for page in pages.values():
        assert page.panels, page.slug
        for panel in page.panels.values():
            assert panel.definition.endswith("."), f"{page.slug}: {panel.key}"
            assert panel.source.startswith(("https://docs.github.com/", "")), f"{page.slug}: {panel.key}"


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_every_page_answers_without_javascript_where_nothing_was_taken_in(olga_client: Client) -> None:
    """As pages of their own: their words, and a panel. As pieces every panel is asked in test_edge_cases."""
    Account.objects.create(kind="organization", login="acme")

    for page in pages.values():
        first, *_ = page.panels
        answers = [
            olga_client.get(reverse(f"metrics:{page.slug}")),
            olga_client.get(reverse("metrics:usage_words", args=[page.slug])),
            olga_client.get(reverse("metrics:usage_panel", args=[page.slug, first])),
        ]
        assert {answer.status_code for answer in answers} == {200}, page.slug


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_the_home_page_leads_to_the_overview(olga_client: Client) -> None:
    account = Account.objects.create(kind="organization", login="acme")
    ScopeDay.objects.create(
        account=account, day=TODAY, source="users", daily_active_users=3, observed_at=timezone.now()
    )

    url = f"{reverse('metrics:overview')}?scope={account.pk}"
    assert f'href="{url}">See the dashboards</a>' in olga_client.get("/").content.decode()


# --- Colours ----------------------------------------------------------------------------------


def colours(theme: str) -> dict[str, str]:
    """The custom properties of a theme in the stylesheet."""
    found = re.search(rf"^{re.escape(theme)} {{(.+?)^}}", CSS.read_text(encoding="utf-8"), re.M | re.S)
    assert found
    return dict(re.findall(r"--dash-(\w+): (#\w{6});", found[1]))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [":root", ".dark"])
def test_every_series_stands_out_from_the_background(theme: str) -> None:
    named = colours(theme)
    series = [named[str(number)] for number in range(1, 9)]

    assert min(contrast(colour, named["background"]) for colour in series) >= 3
    assert contrast(named["ticks"], named["background"]) >= 4.5
    assert contrast(named["weekend"], named["background"]) < 1.5


# How the three kinds of colour blindness see a colour: Machado, Oliveira and Fernandes (2009).
SEEN = {
    "protan": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip


def seen(colour: str, matrix: Any) -> tuple[float, ...]:
    """Lightness and two opponent colours (CIE L*a*b*) of a colour as somebody sees it."""
    linear = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in linear]
    red, green, blue = (
        min(max(sum(a * b for a, b in zip(row, linear, strict=True)), 0), 1) for row in matrix
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", [":root", ".dark"])
@pytest.mark.parametrize("kind", SEEN)
def test_the_first_four_series_are_told_apart_by_everybody(theme: str, kind: str) -> None:
    named = colours(theme)
    points = [seen(named[str(number)], SEEN[kind]) for number in range(1, 5)]

    apart = [sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5 for pair in combinations(points, 2)]
    assert min(apart) > 10, apart


@pytest.mark.parametrize("theme", ["", ".dark "])
def test_every_number_is_readable_on_its_coloured_cell(theme: str) -> None:
    css = CSS.read_text(encoding="utf-8")
    found = re.findall(
        rf"^{re.escape(theme)}\.dash-heat-(\d) {{ background: (#\w{{6}}); color: (#\w{{6}}); }}", css, re.M
    )

    assert [number for number, _, _ in found] == list("123456")
    assert min(contrast(background, ink) for _, background, ink in found) >= 4.5


# --- Values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (None, Kind.COUNT, "–"),
        (0, Kind.COUNT, "0"),
        (1234567, Kind.COUNT, "1,234,567"),
        (0.3144, Kind.RATE, "31.4 %"),
        (1.5, Kind.RATE, "150.0 %"),
        (2.5, Kind.DECIMAL, "2.50"),
        (95.0, Kind.MINUTES, "95 min"),
        (1234.5, Kind.MONEY, "1,234.50"),
        ("2026-11", Kind.DAY, "2026-11"),
        (True, Kind.TEXT, "yes"),
    ],
)
def test_values_read_as_their_kind(value: Any, kind: Kind, says: str) -> None:
    assert written(value, kind) == says


@pytest.mark.parametrize(
    ("value", "before", "kind", "says"),
    [
        (110, 100, Kind.COUNT, "+10.0 %"),
        (90, 100, Kind.COUNT, "−10.0 %"),
        (100, 100, Kind.COUNT, "±0.0 %"),
        (0.38, 0.31, Kind.RATE, "+7.0 points"),
        (5, 0, Kind.COUNT, ""),
        (5, None, Kind.COUNT, ""),
        (None, 5, Kind.COUNT, ""),
    ],
)
def test_a_change_is_told_only_where_both_are_known(value: Any, before: Any, kind: Kind, says: str) -> None:
    assert change(value, before, kind) == says


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 0), (0, 0), (1, 1), (99, 1), (101, 2), (599, 6), (600, 6)]
)
def test_any_use_has_some_colour_and_the_most_has_the_strongest(value: int | None, expected: int) -> None:
    assert step(value, 600) == expected  # type: ignore[arg-type]


def test_a_narrow_panel_that_would_stand_alone_gets_the_whole_row() -> None:
    def panel(key: str, *, wide: bool) -> RegisteredPanel:
        return RegisteredPanel(key, key, "", "", lambda asked: Panel(), wide)

    order = [panel("a", wide=False), panel("b", wide=True), panel("c", wide=False), panel("d", wide=False)]
    order.append(panel("e", wide=False))

    assert [is_wide for _, is_wide in in_rows(order)] == [True, True, False, False, True]


def test_a_series_of_which_nothing_is_known_is_not_drawn() -> None:
    panel = Panel(
        columns=[Column("day", "Day", Kind.DAY), Column("a", "A"), Column("b", "B")],
        rows=[["2026-11-01", 1, None], ["2026-11-02", None, None]],
        drawing=Drawing(Form.LINES, ["a", "b"]),
    )

    drawn = chart(panel)
    assert drawn is not None
    assert [series["name"] for series in drawn["series"]] == ["a"]


def test_a_panel_of_headlines_alone_is_not_empty() -> None:
    assert not Panel(headlines=[Headline("People", 1)]).is_empty


# --- Names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("feature", "chat_panel_agent_mode", "Agent mode"),
        ("feature", "CODE_COMPLETION", "Completions"),
        ("feature", "something_new", "something_new"),
        ("ide", "vscode", "VS Code"),
        ("ide", "brand-new", "brand-new"),
        ("language", "typescript", "TypeScript"),
        ("language", "cobol", "cobol"),
        ("model", "gpt-5.4-mini", "GPT-5.4 mini"),
        ("model", "claude-sonnet-4.6", "Claude Sonnet 4.6"),
        ("model", "claude-sonnet-4-5", "Claude Sonnet 4.5"),
        ("model", "claude-opus-4", "Claude Opus 4"),
        ("model", "gemini-3.1-pro", "Gemini 3.1 Pro"),
        ("model", "mystery-1", "mystery-1"),
        ("model", "", NAMELESS),
    ],
)
def test_names_read_in_words_and_unknown_ones_as_they_came(kind: str, name: str, says: str) -> None:
    assert label(kind, name) == says
