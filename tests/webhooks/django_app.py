"""A Django project with the inbox's app and a table of its own, on as many databases as are added to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import django
import pymysql
from django.conf import settings
from django.core.management import call_command
from django.db import connections, models

pymysql.install_as_MySQLdb()

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["finsecure.webhooks.django"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        USE_TZ=True,
    )
    django.setup()

ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql"}


class Effect(models.Model):
    """What a function wrote."""

    event: models.CharField[str, str] = models.CharField(max_length=255)

    class Meta:
        app_label = "effects"

    def __str__(self) -> str:
        return str(self.event)


def add_database(url: str) -> str:
    """Add a database; its alias."""
    parts = urlsplit(url)
    given = {
        "ENGINE": f"django.db.backends.{ENGINES[parts.scheme]}",
        "NAME": parts.path[1:],
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "USER": parts.username or "",
    }
    alias = f"{parts.scheme}-{parts.path}"
    if alias not in connections.databases:
        connections.databases[alias] = given
        connections.configure_settings(connections.databases)
    return alias


def effects(alias: str) -> Any:
    """What functions wrote to a database, as a query set."""
    return Effect._default_manager.using(alias)  # pyright: ignore[reportPrivateUsage]


def migrate(alias: str) -> None:
    """Make the tables, empty."""
    connection: Any = connections[alias]
    call_command("flush", database=alias, interactive=False, verbosity=0)
    call_command("migrate", database=alias, verbosity=0)
    with connection.schema_editor() as editor:
        if "effects_effect" in connection.introspection.table_names():
            editor.delete_model(Effect)
        editor.create_model(Effect)
