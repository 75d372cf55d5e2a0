"""Which column is which: what is not read is named, and nothing is left out because of an older sheet."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from seats.models import Account, CostCentre, SeatRequest
from tests.seats.sheets.pages import choose, exported, sheet_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture(autouse=True)
def centre(db: None) -> CostCentre:
    return CostCentre.objects.create(code="Z1", name="eins", owner="OLD")


def explain(client: Client, page: Any, *names: str) -> Any:
    """Say which column is which; the preview."""
    said = {f"column-{number}": name for number, name in enumerate(names)}
    return client.post(page.context["urls"]["columns"], said, follow=True)


def text(page: Any) -> str:
    return " ".join(page.content.decode().split())


def test_our_own_header_is_read_although_it_was_left_out_of_another_sheet(olga_client: Client) -> None:
    other = choose(olga_client, "costcentre", "Nr,name,owner\nZ1,eins,NEW\n")
    left_out = explain(olga_client, other, "code", "name", "")
    assert '<strong>Not read:</strong> <code class="portal-code">owner</code>' in text(left_out)
    assert "as the sheet says in the columns that are read." in text(left_out)

    page = choose(olga_client, "costcentre", "code,name,owner\nZ1,eins,NEW\n")
    assert [one["chosen"] for one in page.context["asked"]] == ["code", "name", "owner"]
    preview = explain(olga_client, page, "code", "name", "owner")
    assert preview.context["found"]["totals"]["changed"] == 1
    assert "Not read:" not in text(preview)
    # It was explained anew, so nobody is asked again.
    assert choose(olga_client, "costcentre", "code,name,owner\nZ1,eins,NEW\n").context.get("found")


def test_our_own_headers_are_not_read_as_those_of_another_sheet(olga_client: Client) -> None:
    swapped = choose(olga_client, "costcentre", "name,code,Shoe\nZ1,eins,38\n")
    explain(olga_client, swapped, "code", "name", "")
    page = choose(olga_client, "costcentre", "code,name\nZ1,eins\n")
    assert [one["chosen"] for one in page.context["asked"]] == ["code", "name"]


@pytest.mark.parametrize("is_remembered", [False, True])
@pytest.mark.parametrize("header", ["code", "Number"])
def test_two_columns_of_one_name_are_always_asked_about(
    olga_client: Client, header: str, is_remembered: bool
) -> None:
    if is_remembered:
        once = choose(olga_client, "costcentre", f"{header},name,x\nZ1,eins,1\n")
        explain(olga_client, once, "code", "name", "")
    twice = f"{header},{header},name\nZ1,Z2,eins\n"
    for _ in range(2):
        page = choose(olga_client, "costcentre", twice)
        assert [one["chosen"] for one in page.context["asked"]] == ["code", "", "name"]
        assert f'<code class="portal-code">{header}</code>' in text(
            explain(olga_client, page, "code", "", "name")
        )


def test_one_column_is_not_left_out_because_it_was_one_of_two(olga_client: Client) -> None:
    page = choose(olga_client, "costcentre", "Number,Number,name\nZ1,Z2,eins\n")
    explain(olga_client, page, "code", "", "name")
    assert choose(olga_client, "costcentre", "Number,name\nZ1,eins\n").context["asked"]


def test_a_column_without_a_header_is_named_by_its_place(olga_client: Client) -> None:
    page = choose(olga_client, "costcentre", "code,,name\nZ1,what,eins\n")
    assert "column 2, which has no header" in text(page)


def test_the_state_of_requests_is_told_and_said_not_to_be_read(olga_client: Client) -> None:
    acme = Account.objects.create(kind="organization", login="acme")
    SeatRequest.objects.create(account=acme, login="ann", reason="New.")
    page = choose(olga_client, "seatrequest", sheet_of(exported(olga_client, "seatrequest")))
    assert page.context["not_read"] == ["state"]
