"""Create the first table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create `Order`."""

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
