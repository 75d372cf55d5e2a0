"""Misconfiguration, as numbered system checks that say what to do.

portal.E001  SECRET_KEY is not set (`check --deploy`)
portal.E002  a background task could be given out twice
portal.E003  DATA_DIR cannot be written to
portal.E004  a MariaDB or MySQL database that confuses upper and lower case
portal.E005  CREDENTIAL_KEYS holds a text that is no key
portal.W001  DEBUG is on (`check --deploy`)
portal.W002  every host name is allowed (`check --deploy`)
portal.W003  credentials are kept that no key can read (`check --deploy`)
portal.W004  AUDIT_KEYS is not set: the audit trail depends on SECRET_KEY (`check --deploy`)
"""

from __future__ import annotations

import math
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError, connections

from portal import audit_keys
from portal.models import Connection
from portal.probes import is_writable

COLLATION = "utf8mb4_bin"


@register(Tags.security, deploy=True)
def secret_key_is_set(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.SECRET_KEY_IS_TEMPORARY:
        return []
    return [
        Error(
            "SECRET_KEY is not set: every restart would end all sessions and break the audit trail.",
            hint="Run `manage.py quickstart`, which writes one to .env, or set it to a long random string.",
            id="portal.E001",
        )
    ]


@register
def tasks_are_given_out_once(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """`retry` counts from when a task is prefetched; it must outlast every task prefetched before it."""
    cluster = settings.Q_CLUSTER
    prefetched = math.ceil((cluster["queue_limit"] + 1) / cluster["workers"])
    least = cluster["timeout"] * (1 + prefetched)
    if cluster["retry"] > least:
        return []
    return [
        Error(
            f"Q_CLUSTER gives a task out again after {cluster['retry']} s, "
            f"though it may still be running {least} s after it was taken.",
            hint=f"Raise `retry` above {least}, lower `timeout`, or raise WORKERS.",
            id="portal.E002",
        )
    ]


@register
def data_folder_is_writable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if is_writable(settings.DATA_DIR):
        return []
    return [
        Error(
            f"{settings.DATA_DIR} cannot be written to.",
            hint="Give the portal's user a folder of its own to write in, and name it in DATA_DIR.",
            id="portal.E003",
        )
    ]


@register(Tags.database)
def logins_keep_their_case(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """GitHub's team slugs and our keys are compared by their bytes; MariaDB's default collation does not."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT @@collation_database")
                collation = cursor.fetchone()[0]
        except DatabaseError:
            continue  # that it does not answer is said elsewhere
        if collation != COLLATION:
            name = connection.settings_dict["NAME"]
            messages.append(
                Error(
                    f"The database {name} has the collation {collation}: it takes different texts for one.",
                    hint=f"Before the first migration: "
                    f"ALTER DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE {COLLATION};",
                    id="portal.E004",
                )
            )
    return messages


@register(Tags.security)
def credential_keys_are_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    try:
        for key in settings.CREDENTIAL_KEYS:
            Fernet(key)
    except ValueError:
        return [
            Error(
                "CREDENTIAL_KEYS holds a text that is no key: credentials can be neither kept nor read.",
                hint="Separate keys by commas. A new one: "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
                id="portal.E005",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def kept_credentials_can_be_read(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Looks into the database, as a check before a deployment may; one without tables is new."""
    if settings.CREDENTIAL_KEYS:
        return []
    try:
        kept = list(Connection.objects.keeping_secrets().values_list("name", flat=True))
    except DatabaseError:
        return []
    if not kept:
        return []
    return [
        CheckWarning(
            f"CREDENTIAL_KEYS is not set, and these connections keep a credential: {', '.join(kept)}.",
            hint="Set CREDENTIAL_KEYS to the keys they were entered with, or let them name an environment "
            "variable instead.",
            id="portal.W003",
        )
    ]


@register(Tags.security, deploy=True)
def audit_has_keys_of_its_own(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if audit_keys.are_own():
        return []
    return [
        CheckWarning(
            "AUDIT_KEYS is not set: SECRET_KEY signs the audit trail, which cannot be verified without it.",
            hint="Set AUDIT_KEYS to a long random string: "
            'python -c "import secrets; print(secrets.token_urlsafe(50))". Keep it when SECRET_KEY changes.',
            id="portal.W004",
        )
    ]


@register(Tags.security, deploy=True)
def debug_is_off(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG:
        return []
    return [
        CheckWarning(
            "DEBUG is on: pages show settings and code to whoever meets an error.",
            hint="Set DEBUG=false.",
            id="portal.W001",
        )
    ]


@register(Tags.security, deploy=True)
def hosts_are_named(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        CheckWarning(
            "ALLOWED_HOSTS allows every host name, so a forged one ends up in links.",
            hint="Name the hosts that the portal is reached by.",
            id="portal.W002",
        )
    ]
