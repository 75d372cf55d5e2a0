from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portal", "0008_saved_and_scheduled_reports")]

    operations = [
        migrations.CreateModel(
            name="TableStamp",
            fields=[
                ("table", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField(default=0)),
            ],
            options={"ordering": ["table"]},
        ),
    ]
