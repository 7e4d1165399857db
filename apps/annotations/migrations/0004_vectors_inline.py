"""Keep vectors in their rows: a search reads every one of them, and fetching each from the side table costs far more.

The planner does not count that cost either, so that it would prefer a scan to the index of a large store.
"""

from django.db import migrations

TABLES = ("annotations_annotation", "annotations_fewshotexample")
FORWARD = [
    f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE MAIN; ALTER TABLE {table} SET (toast_tuple_target = 8160);"
    for table in TABLES
]
BACKWARD = [
    f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE EXTERNAL; ALTER TABLE {table} RESET (toast_tuple_target);"
    for table in TABLES
]


class Migration(migrations.Migration):
    dependencies = [("annotations", "0003_review")]

    operations = [
        migrations.RunSQL(forward, backward) for forward, backward in zip(FORWARD, BACKWARD, strict=True)
    ]
