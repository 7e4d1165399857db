"""The answer that a correction corrects can never be changed, by no code path."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION annotations_original_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the original answer of a correction never changes' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER original_is_immutable BEFORE UPDATE OF original ON annotations_correction
    FOR EACH ROW WHEN (OLD.original IS DISTINCT FROM NEW.original)
    EXECUTE FUNCTION annotations_original_is_immutable();
"""
BACKWARD = """
DROP TRIGGER original_is_immutable ON annotations_correction;
DROP FUNCTION annotations_original_is_immutable();
"""


class Migration(migrations.Migration):
    dependencies = [("annotations", "0001_feedback_and_corrections")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
