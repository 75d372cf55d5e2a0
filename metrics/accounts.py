"""An account as pages ask for it: by its key or as the largest, each with its enterprise.

As text, since every page and panel asks it and it never differs: made of a queryset each time it takes
several times as long.
"""

from __future__ import annotations

from functools import cache

from django.db import connection

from metrics.models import ScopeDay
from seats.models import Account


def account_of(key: int) -> Account | None:
    """With its parent; one query."""
    found = {
        account.pk: account for account in Account.objects.raw(_with_parent(connection.vendor), [key] * 2)
    }
    account = found.get(key)
    if account is not None and account.parent_id is not None:
        account.parent = found.get(account.parent_id)
    return account


def largest() -> Account | None:
    """The account with most active users on a day; of equals the enterprise, since it counts people once."""
    with connection.cursor() as cursor:
        cursor.execute(_largest(connection.vendor))
        found = cursor.fetchone()
    return account_of(found[0]) if found else None


@cache
def _with_parent(vendor: str) -> str:
    quoted = connection.ops.quote_name
    table, key = quoted(Account._meta.db_table), quoted("id")
    columns = ", ".join(quoted(str(field.column)) for field in Account._meta.concrete_fields)
    parent = f"SELECT {quoted('parent_id')} FROM {table} WHERE {key} = %s"  # noqa: S608 - names alone
    return f"SELECT {columns} FROM {table} WHERE {key} = %s OR {key} = ({parent})"  # noqa: S608 - the same


@cache
def _largest(vendor: str) -> str:
    days, accounts = (connection.ops.quote_name(model._meta.db_table) for model in (ScopeDay, Account))
    most = "MAX(told.daily_active_users)"
    return (
        f"SELECT told.account_id FROM {days} told"  # noqa: S608 - names of tables alone
        f" JOIN {accounts} account ON account.id = told.account_id GROUP BY told.account_id, account.kind"
        f" ORDER BY {most} IS NULL, {most} DESC, account.kind, told.account_id LIMIT 1"
    )
