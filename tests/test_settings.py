"""Every variable that the settings read is explained, and nothing else is."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def read_in_settings() -> set[str]:
    """The first argument of every `env.…("NAME")` in portal/settings.py."""
    tree = ast.parse((ROOT / "portal" / "settings.py").read_text(encoding="utf-8"))
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and node.args[0].value.isupper()
    }


def test_settings_read_variables() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "ENV_FILE"} <= read_in_settings()


def test_the_example_shows_every_variable_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))

    # ENV_FILE names the file itself, so it can only come from the environment.
    assert shown == read_in_settings() - {"ENV_FILE"}


def test_the_readme_has_a_row_for_every_variable_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Settings")[2].partition("\n## ")[0]
    rows = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", table, re.MULTILINE))

    assert rows == read_in_settings()


def test_nothing_else_reads_the_environment() -> None:
    """Settings are read once, in one place; passing the environment on to a child is not reading it.

    A credential that a connection names is read where it is used, so that it is never kept; proxies and
    certificates are told by variables that many programs share, and are no settings of ours.
    """
    allowed = {"portal/settings.py", "portal/credentials.py", "portal/github/wire.py"}
    reads = re.compile(r"os\.getenv|os\.environ(\.get\(|\[)|environ\.Env")
    offences = [
        str(path.relative_to(ROOT))
        for app in ("portal", "seats", "metrics")
        for path in (ROOT / app).rglob("*.py")
        if str(path.relative_to(ROOT)) not in allowed and reads.search(path.read_text(encoding="utf-8"))
    ]
    assert offences == []


def test_two_portals_share_a_redis_and_nothing_in_it() -> None:
    """The prefixes of cached keys: one portal's processes agree on them, another portal has others."""

    def prefixes(secret_key: str) -> set[str]:
        code = """if True:
            import json, portal.settings
            print(json.dumps([cache["KEY_PREFIX"] for cache in portal.settings.CACHES.values()]))"""
        env = {**os.environ, "SECRET_KEY": secret_key, "REDIS_URL": "redis://127.0.0.1:1/0"}
        command = [sys.executable, "-c", code]
        told = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True).stdout
        return set(json.loads(told))

    ours, theirs = prefixes("a" * 50), prefixes("b" * 50)
    assert len(ours) == len(theirs) == 2
    assert ours == prefixes("a" * 50)
    assert not ours & theirs
    assert not any("aaaa" in prefix for prefix in ours)
