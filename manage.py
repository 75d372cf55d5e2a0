#!/usr/bin/env python
"""The command line of the Copilot Governance Portal."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            "Django is not installed in this Python. Make the environment first:\n"
            "  python3 -m venv .venv && .venv/bin/pip install -e .\n"
            "then run .venv/bin/python manage.py …"
        ) from error
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
