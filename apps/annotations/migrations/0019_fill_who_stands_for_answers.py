"""Says of answers from before who wrote and who else approved them; where a second person is asked for, the rest waits."""

from django.db import migrations

# The author of a correction wrote its answer; whoever else approved it is the second person.
_FILL = """
UPDATE {table} AS row SET
    written_by_id = correction.author_id,
    approved_by_id = CASE WHEN is_seen THEN correction.approved_by_id END,
    approved_at = CASE WHEN is_seen THEN correction.approved_at END
FROM (
    SELECT *, approved_by_id IS DISTINCT FROM author_id AND approved_at IS NOT NULL AS is_seen
    FROM annotations_correction
) AS correction
WHERE correction.id = row.correction_id;
UPDATE {table} SET written_by_id = created_by_id WHERE correction_id IS NULL;
UPDATE {table} AS row SET is_enabled = FALSE, is_waiting = TRUE
FROM annotations_correctionsettings AS settings
WHERE settings.application_id = row.application_id AND settings.needs_second_person
    AND row.is_enabled AND row.approved_at IS NULL;
"""
_TABLES = ("annotations_annotation", "annotations_fewshotexample")
_IMPORTS = "UPDATE annotations_answerimport SET written_by_id = created_by_id;"


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0018_answers_wait_for_a_second_person'),
    ]

    operations = [
        migrations.RunSQL("".join(_FILL.format(table=table) for table in _TABLES) + _IMPORTS, migrations.RunSQL.noop),
    ]
