"""What is kept is told again exactly until a table it was read from is written to, by whichever way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction

from portal.bulk import update_rows
from portal.kept import kept
from portal.models import ReportFile, TableStamp
from portal.stamps import make_stamps, stamps, tables_in
from seats.models import Account
from tests.caches import forget as forget_what_is_cached

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _stamped() -> Iterator[None]:
    make_stamps(sender=None)  # type: ignore[arg-type]
    forget_what_is_cached("kept")
    yield
    forget_what_is_cached("kept")


def logins() -> list[str]:
    return list(Account.objects.order_by("login").values_list("login", flat=True))


def told() -> list[str]:
    return kept("logins", logins)


def acme() -> Account:
    return Account.objects.create(kind="organization", login="acme", github_id=1)


def _raw(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _saved(account: Account) -> None:
    account.login = "saved"
    account.save()


def _together(account: Account) -> None:
    account.login = "together"
    update_rows([account], ["login"])


def _in_two_steps(account: Account) -> None:
    with transaction.atomic():
        _saved(account)
        with suppress(ValueError), transaction.atomic():
            account.delete()
            raise ValueError


WAYS: dict[str, Callable[[Account], Any]] = {
    "saved": _saved,
    "created": lambda account: Account.objects.create(kind="organization", login="zeta"),
    "updated by query": lambda account: Account.objects.filter(pk=account.pk).update(login="queried"),
    "updated in bulk": _together,
    "inserted in bulk": lambda account: Account.objects.bulk_create(
        [Account(kind="organization", login="bulk", login_key="organization:bulk")]
    ),
    "deleted": lambda account: account.delete(),
    "by a statement": lambda account: _raw("UPDATE seats_account SET login = 'raw'"),
    "in a transaction that undoes a part": _in_two_steps,
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_writes_to_a_table_is_seen_at_once(way: str) -> None:
    account = acme()
    assert told() == ["acme"]

    WAYS[way](account)

    assert told() == logins() != ["acme"]


def test_it_is_kept_while_only_others_are_written_to(django_assert_num_queries: Any) -> None:
    acme()
    told()
    ReportFile.objects.create(source="command", kind="x", name="x", sha256="0" * 64, size=1)

    with django_assert_num_queries(1):
        assert told() == ["acme"]


def test_nothing_is_kept_of_what_is_undone_nor_within_a_transaction() -> None:
    account = acme()
    with suppress(ValueError), transaction.atomic():
        account.delete()
        assert told() == []
        raise ValueError
    before = stamps()

    assert told() == ["acme"]
    assert stamps() == before, "what was undone raises nothing"


def test_what_rests_on_something_kept_rests_on_its_tables_as_well() -> None:
    account = acme()
    count: Callable[[], int] = lambda: kept("count", lambda: len(told()))  # noqa: E731
    told()
    assert count() == 1

    account.delete()

    assert count() == 0


def test_a_table_without_a_stamp_is_never_relied_on() -> None:
    account = acme()
    TableStamp.objects.filter(table="seats_account").delete()
    told()
    Account.objects.filter(pk=account.pk).update(login="changed")

    assert told() == ["changed"]


def test_nothing_is_kept_where_that_is_switched_off(settings: Any) -> None:
    acme()
    told()
    settings.KEEP_PANELS_SECONDS = 0
    _past_the_portal("UPDATE seats_account SET login = 'past'")

    assert told() == ["past"]

    settings.KEEP_PANELS_SECONDS = 3600
    assert told() == ["acme"], "told from what was kept: nothing said that it changed"


def test_what_was_kept_before_a_backup_is_put_back_is_not_met_again() -> None:
    backup = stamps()
    account = acme()
    assert told() == ["acme"]

    # As a database's own tools do.
    _past_the_portal("DELETE FROM seats_account")
    for table, number in backup.items():
        _past_the_portal(f"UPDATE portal_tablestamp SET number = {number} WHERE {_QUOTED} = '{table}'")
    Account.objects.create(pk=account.pk + 1, kind="organization", login="another")

    assert told() == ["another"]


_QUOTED = connection.ops.quote_name("table")


def _past_the_portal(sql: str) -> None:
    """As somebody does who writes into the database with a client of their own."""
    watchers, connection.execute_wrappers = connection.execute_wrappers, []
    try:
        _raw(sql)
    finally:
        connection.execute_wrappers = watchers


def test_every_table_of_a_statement_is_found() -> None:
    assert tables_in('SELECT 1 FROM "seats_seat" U0 INNER JOIN `seats_account` ON (1)') == {
        "seats_seat",
        "seats_account",
    }
    assert "nowhere" in tables_in("SELECT 1 FROM nowhere, seats_seat")
    assert "seats_seat" in tables_in("SELECT 1 FROM nowhere, seats_seat")
