"""Rules about the code, as tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {"portal": set[str](), "seats": {"portal"}, "metrics": {"portal", "seats"}}
NO_PLACE_TO_LOOK_FOR_ANYTHING = {"utils.py", "helpers.py", "services.py", "signals.py", "constants.py"}


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in (ROOT / folder).rglob("*.py"))


@cache
def imported(path: Path) -> list[str]:
    """Every absolute import of a module, those inside functions too."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
    return found


def test_apps_import_only_downwards() -> None:
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for owner, allowed in MAY_IMPORT.items()
        for path in modules(owner)
        for module in imported(path)
        if (app := module.partition(".")[0]) in MAY_IMPORT and app != owner and app not in allowed
    ]
    assert offences == []


def test_no_app_imports_its_tests() -> None:
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules(*MAY_IMPORT)
        for module in imported(path)
        if module.partition(".")[0] == "tests"
    ]
    assert offences == []


def test_only_the_github_client_talks_to_other_hosts() -> None:
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules(*MAY_IMPORT)
        for module in imported(path)
        if module.partition(".")[0] in ("requests", "urllib3", "httpx", "aiohttp")
        or module == "urllib.request"
        if not path.is_relative_to(ROOT / "portal" / "github")
    ]
    assert offences == []


def test_file_formats_know_no_django() -> None:
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules("metrics/formats")
        for module in imported(path)
        if module.partition(".")[0] == "django"
    ]
    assert offences == []


def test_no_module_is_a_place_for_everything() -> None:
    assert [path for path in modules(*MAY_IMPORT) if path.name in NO_PLACE_TO_LOOK_FOR_ANYTHING] == []


def commands() -> list[str]:
    folders = [ROOT / app / "management" / "commands" for app in MAY_IMPORT]
    return sorted(
        path.stem for folder in folders for path in folder.glob("*.py") if not path.stem.startswith("_")
    )


@pytest.mark.parametrize("command", commands())
def test_every_command_is_run_by_a_test(command: str) -> None:
    asked = re.compile(rf"[\"']{command}[\"' ]")

    assert any(asked.search(path.read_text(encoding="utf-8")) for path in modules("tests"))


def test_the_top_folder_holds_only_what_is_meant_for_it() -> None:
    meant = {
        "manage.py",
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Containerfile",
        "compose.yaml",
    }
    meant |= {*MAY_IMPORT, "templates", "tests"}
    meant |= {"requirements.lock", "requirements-newest.lock"}

    assert {name for name in tracked_at_the_top() if not name.startswith(".")} <= meant


def tracked_at_the_top() -> set[str]:
    """Names at the top, without what .gitignore names."""
    ignored = [line.strip() for line in (ROOT / ".gitignore").read_text().splitlines()]
    return {
        path.name
        for path in ROOT.iterdir()
        if not any(path.match(pattern.strip("/")) for pattern in ignored if pattern)
    }
