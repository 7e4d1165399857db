"""The table of vectors of the built-in embedding model, and the extension it needs.

Tables for other dimensions are made by the pgvector adapter when a dataset first needs one; the columns are the same.
"""

from django.db import migrations

MAKE = """
CREATE TABLE IF NOT EXISTS chunk_vector_1024 (
    dataset_id uuid NOT NULL,
    space text NOT NULL,
    id uuid NOT NULL,
    document_id uuid NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    embedding halfvec(1024) NOT NULL,
    PRIMARY KEY (dataset_id, space, id)
);
ALTER TABLE chunk_vector_1024 ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE INDEX IF NOT EXISTS chunk_vector_1024_document ON chunk_vector_1024 (document_id);
"""


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS vector", migrations.RunSQL.noop),
        migrations.RunSQL(MAKE, "DROP TABLE IF EXISTS chunk_vector_1024"),
    ]
