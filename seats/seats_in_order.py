"""Seats by enterprise, organization and login, a few hundred at a time."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Collate

from seats.models import Account, Seat

SEATS_AT_ONCE = 500


def in_order(seats: QuerySet[Seat]) -> Iterator[list[Seat]]:
    """The seats in chunks, each with its user and its account with parent."""
    accounts = Account.objects.select_related("parent").in_bulk()
    for wanted in keys_in_order(seats, accounts):
        rows = Seat.objects.filter(pk__among=wanted).select_related("user").in_bulk()
        chunk = [rows[pk] for pk in wanted if pk in rows]
        for seat in chunk:
            seat.account = accounts[seat.account_id]
        yield chunk


def keys_in_order(
    seats: QuerySet[Seat], accounts: Mapping[int, Account] | None = None
) -> Iterator[list[int]]:
    """The keys of the seats in chunks. All of them are read at once, and nothing else of the seats.

    `accounts` are all there are, with their parents, where they are known already; they are sorted here.
    """
    if accounts is None:
        accounts = Account.objects.select_related("parent").in_bulk()
    # By account's labels: the keys of its seats.
    keys: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
    for account_id, pk in _by_login(seats):
        keys[_labels(accounts[account_id])].append(pk)
    remaining = chain.from_iterable(keys[labels] for labels in sorted(keys))
    while wanted := list(islice(remaining, SEATS_AT_ONCE)):
        yield wanted


def _by_login(seats: QuerySet[Seat]) -> Iterator[tuple[int, int]]:
    """Account and key of each seat, by login in the order of its characters, whatever a language says."""
    login: Any = "user__login_key"
    if connection.vendor == "postgresql":
        login = Collate(login, "C")
    rows: Iterator[tuple[int, int]] = (
        seats.order_by(login, "user_id", "pk").values_list("account_id", "pk").iterator()
    )
    return rows


def _labels(account: Account) -> tuple[str, str]:
    return account.enterprise_label.lower(), account.organization_label.lower()
