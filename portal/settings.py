"""Settings: every variable is read here, once, typed. README.md lists them; `.env.example` shows them.

What admins tune (idle days, prices, caps) lives in the database, not here.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Any

import django
import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
ENV_FILE = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
if ENV_FILE.is_file():
    env.read_env(str(ENV_FILE))

# --- Who may reach it -------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
# Without a key the commands that neither log in nor encrypt still work, with a key that dies with
# the process; the web server refuses to start (portal/wsgi.py) and `check --deploy` says portal.E001.
SECRET_KEY_IS_TEMPORARY = not env.str("SECRET_KEY", default="")
SECRET_KEY = secrets.token_urlsafe(50) if SECRET_KEY_IS_TEMPORARY else env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Keys that encrypt GitHub credentials kept in the database, the newest first. Without any, credentials
# are only ever named, never kept.
CREDENTIAL_KEYS = [key.strip() for key in env.list("CREDENTIAL_KEYS", default=[])]
# Keys that sign the audit trail, the newest first; every one of them verifies. Without any, SECRET_KEY signs.
AUDIT_KEYS = [key.strip() for key in env.list("AUDIT_KEYS", default=[]) if key.strip()]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# HTTPS is the default; `quickstart` switches it off for the loopback address it serves.
HTTPS = env.bool("HTTPS", default=True)
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Where it keeps things --------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SQLITE_OPTIONS = {
    # Without WAL and immediate transactions writers fail with "database is locked" under load.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA page_size=16384;PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
        "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-32768;"
    ),
}
MYSQL_OPTIONS = {
    "charset": "utf8mb4",
    "collation": "utf8mb4_bin",
    "isolation_level": "read committed",
    "sql_mode": "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO",
}


def database() -> dict[str, Any]:
    """The one database, from DATABASE_URL, with the options each engine needs."""
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'portal.sqlite3'}")
    engine = config["ENGINE"].rpartition(".")[2]
    if engine == "sqlite3":
        config["OPTIONS"] = {**SQLITE_OPTIONS, **config.get("OPTIONS", {})}
    elif engine == "mysql":
        config["OPTIONS"] = {**MYSQL_OPTIONS, **config.get("OPTIONS", {})}
        config["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"}
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    elif engine == "postgresql":
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    else:
        raise ImproperlyConfigured(
            f"DATABASE_URL names the engine {engine!r}. Use sqlite:///, postgres:// or mysql://."
        )
    return config


DATABASES = {"default": database()}


def data_dir() -> Path:
    """Where kept files and uploads live: DATA_DIR, else a folder beside the SQLite file, named after it."""
    if configured := env.str("DATA_DIR", default=""):
        return Path(configured)
    if DATABASES["default"]["ENGINE"].endswith("sqlite3") and DATABASES["default"]["NAME"] != ":memory:":
        name = Path(str(DATABASES["default"]["NAME"])).resolve()
        return name.with_name(name.name + ".files")
    return BASE_DIR / "data"


DATA_DIR = data_dir()
KEEP_FILES_DAYS = env.int("KEEP_FILES_DAYS", default=400)
KEEP_RESTATEMENTS_DAYS = env.int("KEEP_RESTATEMENTS_DAYS", default=400)
# All files of one upload together: 3,000,000 lines of a per-user report are 13 GB.
MAX_UPLOAD_MB = env.int("MAX_UPLOAD_MB", default=16_384)
# A folder whose files are taken in as they land; none is watched where it is empty.
IMPORT_INBOX = env.str("IMPORT_INBOX", default="")
# A single decompressed file beyond this is refused as a bomb.
MAX_UNPACKED_MB = env.int("MAX_UNPACKED_MB", default=65_536)
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600

# How long a finished panel is shown again though nothing was written meanwhile; 0 works each out anew.
KEEP_PANELS_SECONDS = env.int("KEEP_PANELS_SECONDS", default=3600)
# `kept` holds what `portal.kept` keeps: shared where there is Redis, else of each process by itself.
if redis_url := env.str("REDIS_URL", default=""):
    _REDIS = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
    # Two portals may share a Redis, and never what is in it.
    _THIS_PORTAL = hashlib.sha256(f"cache of {SECRET_KEY}".encode()).hexdigest()[:16]
    CACHES: dict[str, dict[str, Any]] = {
        "default": {**_REDIS, "KEY_PREFIX": _THIS_PORTAL},
        "kept": {**_REDIS, "KEY_PREFIX": f"{_THIS_PORTAL}-kept"},
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": DATA_DIR / "cache",
        },
        "kept": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": "kept",
            "OPTIONS": {"MAX_ENTRIES": 1000},
        },
    }

# --- What it talks to -------------------------------------------------------------------------

# Where a new connection is thought to lead; with data residency it is https://api.SUBDOMAIN.ghe.com.
GITHUB_API_URL = env.str("GITHUB_API_URL", default="https://api.github.com").rstrip("/")
# Hosts that reports are downloaded from, `*` for any run of characters but a dot. A host of this machine
# also allows http and any port. They never get a credential.
REPORT_HOSTS = env.list(
    "REPORT_HOSTS",
    default=["copilot-reports.github.com", "copilot-reports.*.ghe.com", "copilot-reports-*.azurefd.net"],
)

# Where people reach the portal: what links in mails begin with.
PORTAL_URL = env.str("PORTAL_URL", default="").rstrip("/") or "http://127.0.0.1:8000"
PORTAL_URL_IS_ASSUMED = not env.str("PORTAL_URL", default="")
# A mail server that says nothing for so long is given up.
MAIL_SECONDS = 30
MAIL = env.email_url("EMAIL_URL", default="consolemail://")
if django.VERSION >= (6, 1):
    SMTP_OPTIONS = {
        "host": MAIL.get("EMAIL_HOST") or "localhost",
        "port": MAIL.get("EMAIL_PORT") or 25,
        "username": MAIL.get("EMAIL_HOST_USER") or None,
        "password": MAIL.get("EMAIL_HOST_PASSWORD") or None,
        "use_tls": MAIL.get("EMAIL_USE_TLS", False),
        "use_ssl": MAIL.get("EMAIL_USE_SSL", False),
        "timeout": MAIL_SECONDS,
    }
    MAIL_OPTIONS = {"smtp": SMTP_OPTIONS, "filebased": {"file_path": MAIL.get("EMAIL_FILE_PATH")}}
    MAILERS = {
        "default": {
            "BACKEND": MAIL["EMAIL_BACKEND"],
            "OPTIONS": MAIL_OPTIONS.get(MAIL["EMAIL_BACKEND"].split(".")[-2], {}),
        }
    }
else:
    EMAIL_BACKEND = MAIL["EMAIL_BACKEND"]
    EMAIL_HOST = MAIL.get("EMAIL_HOST") or "localhost"
    EMAIL_PORT = MAIL.get("EMAIL_PORT") or 25
    EMAIL_HOST_USER = MAIL.get("EMAIL_HOST_USER") or ""
    EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_PASSWORD") or ""
    EMAIL_USE_TLS = MAIL.get("EMAIL_USE_TLS", False)
    EMAIL_USE_SSL = MAIL.get("EMAIL_USE_SSL", False)
    EMAIL_TIMEOUT = MAIL_SECONDS
    EMAIL_FILE_PATH = MAIL.get("EMAIL_FILE_PATH")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="copilot-portal@localhost")

# Reports that are made by themselves: the folder below which they may be written, the domains to which
# they may be mailed (without any, only to people who can log in), and the most that a mail may carry.
REPORT_FOLDER = env.str("REPORT_FOLDER", default="")
REPORT_MAIL_DOMAINS = [name.strip().lower() for name in env.list("REPORT_MAIL_DOMAINS", default=[])]
REPORT_MAIL_MB = env.int("REPORT_MAIL_MB", default=10)
KEEP_REPORTS_DAYS = env.int("KEEP_REPORTS_DAYS", default=30)

# --- What it is made of -----------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "import_export",
    "django_q",
    "portal.apps.PortalConfig",
    "seats.apps.SeatsConfig",
    "metrics.apps.MetricsConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.content_security_policy.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.nul_characters.NulCharacterMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en"
# Days and instants everywhere as `portal.admin.base` writes them.
FORMAT_MODULE_PATH = "portal.formats"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
# A changelist of 400 teams selected at once, with room: Django's default of 1,000 is too few.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

STATIC_URL = "static/"
# Served straight from the packages: no STATIC_ROOT, no collectstatic, no build step.
WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}

# Tables kept by hand go out and in as spreadsheets. Unset, these would let everybody do it.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "change"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"
# Sheets of more rows are tried and taken in by the worker.
SHEET_ROWS_AT_ONCE = env.int("SHEET_ROWS_AT_ONCE", default=5_000)

# --- Background work --------------------------------------------------------------------------

# Where messages to the worker lie. Redis loses those of a killed worker, for the reaper to send again.
BROKER = env.str("BROKER", default="database")
BROKERS = {
    "database": {"broker_class": "portal.brokers.DatabaseBroker", "orm": "default"},
    "redis": {"broker_class": "portal.redis_broker.RedisBroker", "redis": redis_url},
}
if BROKER not in BROKERS or (BROKER == "redis" and not redis_url):
    raise ImproperlyConfigured(f"BROKER is {BROKER!r}. Use database, or redis together with REDIS_URL.")

Q_CLUSTER: dict[str, Any] = {
    **BROKERS[BROKER],
    "name": "portal",
    "label": "Background jobs",
    "workers": env.int("WORKERS", default=2),
    "timeout": 1800,
    # `retry` counts from the moment a task is prefetched: it must exceed timeout x prefetch depth,
    # or a task runs twice.
    "retry": 7200,
    "max_attempts": 3,
    "ack_failures": False,
    "catch_up": False,
    "save_limit": 250,
    "queue_limit": 1,
    # A large file is read by processes that the task at hand starts, which a daemon may not.
    "daemonize_workers": False,
    "bulk": 1,
    "poll": 0.5,
    "recycle": 500,
}

UNFOLD = {
    "SITE_TITLE": "Copilot Governance Portal",
    "SITE_HEADER": "Copilot Governance",
    "SITE_SUBHEADER": "Seats, use and money",
    "SITE_SYMBOL": "badge",
    "SITE_URL": "",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/portal/favicon.svg"}],
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["portal.site.stylesheet"],
    "SCRIPTS": ["/static/portal/labels.js"],
    "DASHBOARD_CALLBACK": "portal.cards.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "portal.site.navigation"},
}
