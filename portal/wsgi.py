"""The web server's way in."""

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

if settings.SECRET_KEY_IS_TEMPORARY and not settings.DEBUG:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Run `manage.py quickstart`, which writes one to .env, "
        "or set it to a long random string."
    )

application = get_wsgi_application()
