"""Gives corrections from before their trace and queue item, and preference pairs to those that are approved."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0008_products_of_corrections'),
    ]

    operations = [
        migrations.RunSQL(
            # The run of each message, the item by which it was reviewed, and pairs of what is approved already.
            """
            UPDATE annotations_correction AS correction SET trace_id = message.run_id
            FROM workflows_message AS message WHERE message.id = correction.message_id;
            UPDATE annotations_correction AS correction SET queue_item_id = (
                SELECT item.id FROM annotations_queueitem AS item
                WHERE item.subject_id = correction.message_id AND item.team_id = correction.team_id
                ORDER BY item.id DESC LIMIT 1
            );
            INSERT INTO annotations_preferencepair
                (id, team_id, application_id, correction_id, question, chosen, rejected, is_enabled, created_at, updated_at)
            SELECT id, team_id, application_id, id, question, corrected, original, TRUE, now(), now()
            FROM annotations_correction WHERE status = 'approved' AND original <> '';
            """,
            migrations.RunSQL.noop,
        ),
    ]
