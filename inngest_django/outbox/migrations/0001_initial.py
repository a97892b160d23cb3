"""The table of the outbox."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.CharField(max_length=512)),
                ("name", models.CharField(max_length=512)),
                ("body", models.TextField()),
                ("written_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("claim", models.CharField(db_index=True, editable=False, max_length=32, null=True)),
                ("error", models.TextField(null=True)),
            ],
            options={
                "verbose_name": "event",
                "db_table": "inngest_outbox",
                "ordering": ("id",),
            },
        ),
    )
