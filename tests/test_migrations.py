"""Migrations match the models, are named, and can be taken back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

ROOT = Path(__file__).resolve().parent.parent
APPS = ("portal", "seats", "metrics")


def migrations() -> list[Path]:
    return sorted(path for app in APPS for path in (ROOT / app / "migrations").glob("0*.py"))


@pytest.mark.django_db
def test_no_change_of_a_model_lacks_its_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_every_migration_has_a_name_that_says_what_it_does() -> None:
    unnamed = re.compile(r"^\d{4}_(auto_|initial$|alter_|.*_and_more$)")

    assert [path.name for path in migrations() if unnamed.match(path.stem)] == []


def test_every_step_in_python_has_a_way_back() -> None:
    offences = []
    for path in migrations():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            given = len(node.args) + len(node.keywords)
            if node.func.attr in ("RunPython", "RunSQL") and given < 2:
                offences.append(f"{path.name}:{node.lineno}")
    assert offences == []


@pytest.mark.django_db(transaction=True)
def test_the_whole_schema_can_be_taken_back_and_made_again() -> None:
    try:
        for app in reversed(APPS):
            call_command("migrate", app, "zero", verbosity=0)
        tables = connection.introspection.table_names()
        assert [name for name in tables if name.partition("_")[0] in APPS] == []
    finally:
        call_command("migrate", verbosity=0)

    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
