"""The first tables."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make them."""

    initial = True
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("payment", models.CharField(max_length=50, unique=True)),
                ("parcels", models.IntegerField(default=0)),
            ],
        ),
    ]
