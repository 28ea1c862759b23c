"""The table of the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from finsecure.webhooks.django.models import EventIdField


class Migration(migrations.Migration):
    """Make the table."""

    initial: ClassVar[bool | None] = True
    operations: ClassVar[Sequence[Operation]] = [
        migrations.CreateModel(
            name="InboxRow",
            fields=[
                ("id", EventIdField(max_length=255, primary_key=True, serialize=False)),
                (
                    "done",
                    models.BigIntegerField(
                        db_index=True, help_text="Unix seconds; null while not handled yet", null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "event in the inbox",
                "verbose_name_plural": "events in the inbox",
                "db_table": "finsecure_webhooks_inbox",
            },
        ),
    ]
