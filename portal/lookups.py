"""`field__among=keys`: as `in`, for any number of keys, in one query and at the price of one parameter."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.models.lookups import Lookup


@models.ForeignKey.register_lookup
@models.Field.register_lookup
class Among(Lookup):
    """Keys are integers or texts, taken as they are. No key is no row, without a query.

    Best given as a set: Django goes through every element of a list.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        keys = list(self.rhs)
        if not keys:
            raise EmptyResultSet
        lhs, params = self.process_lhs(compiler, connection)
        if connection.vendor == "sqlite":
            return f"{lhs} IN (SELECT value FROM json_each(%s))", (*params, json.dumps(keys))  # noqa: S608
        if connection.vendor == "postgresql":
            return f"{lhs} = ANY(%s)", (*params, keys)
        return f"{lhs} IN ({', '.join(['%s'] * len(keys))})", (*params, *keys)
