"""The table of `DjangoInbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.db import models
from typing_extensions import override

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    Text: TypeAlias = models.CharField[str | int | Combinable, str]
else:
    Text = models.CharField  # takes no type arguments at run time


class EventIdField(Text):
    """Case-sensitive text. MySQL ignores case by default."""

    @override
    def db_type(self, connection: Any) -> str | None:
        """Return the column type."""
        column: str | None = super().db_type(connection)
        return f"{column} COLLATE utf8mb4_bin" if connection.vendor == "mysql" else column


class InboxRow(models.Model):
    """An event that is done, or that a worker has started to handle."""

    id: EventIdField = EventIdField(primary_key=True, max_length=255)
    done: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(
        null=True, db_index=True, help_text="Unix seconds; null while not handled yet"
    )

    class Meta:
        """Names."""

        app_label = "finsecure_webhooks"
        db_table = "finsecure_webhooks_inbox"
        verbose_name = "event in the inbox"
        verbose_name_plural = "events in the inbox"

    @override
    def __str__(self) -> str:
        return str(self.pk)
