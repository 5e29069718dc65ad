"""The catalogue: what QIDO-RS and C-FIND search.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import VARCHAR

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BEGINNING = sa.String().with_variant(VARCHAR(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "catalogue_studies",
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("patient_name", sa.String(), nullable=False),
        sa.Column("patient_name_key", BEGINNING, nullable=False),
        sa.Column("patient_id", BEGINNING, nullable=False),
        sa.Column("patient_id_issuer", sa.String(), nullable=False),
        sa.Column("patient_birth_date", sa.String(length=8), nullable=False),
        sa.Column("patient_sex", sa.String(length=16), nullable=False),
        sa.Column("study_date", sa.String(length=8), nullable=False),
        sa.Column("study_time", sa.String(length=16), nullable=False),
        sa.Column("accession_number", BEGINNING, nullable=False),
        sa.Column("study_id", sa.String(), nullable=False),
        sa.Column("study_description", sa.String(), nullable=False),
        sa.Column("referring_physician_name", sa.String(), nullable=False),
        sa.Column("referring_physician_name_key", sa.String(), nullable=False),
        sa.Column("timezone_offset", sa.String(), nullable=False),
        sa.Column("modalities", sa.String(), nullable=False),
        sa.Column("series_count", sa.Integer(), nullable=False),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study_uid", name=op.f("pk_catalogue_studies")),
    )
    with op.batch_alter_table("catalogue_studies") as batch_op:
        batch_op.create_index("ix_catalogue_studies_accession_number", ["accession_number"])
        batch_op.create_index("ix_catalogue_studies_patient_id", ["patient_id"])
        batch_op.create_index("ix_catalogue_studies_patient_name_key", ["patient_name_key"])
        batch_op.create_index(
            "ix_catalogue_studies_newest",
            [
                "study_date",
                "study_time",
                "study_uid",
                "patient_name_key",
                "patient_id",
                "accession_number",
                "modalities",
            ],
        )
    op.create_table(
        "catalogue_words",
        sa.Column("word", BEGINNING, nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("word", "study_uid", name=op.f("pk_catalogue_words")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "catalogue_series",
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("series_number", sa.String(length=16), nullable=False),
        sa.Column("series_description", sa.String(), nullable=False),
        sa.Column("series_date", sa.String(length=8), nullable=False),
        sa.Column("series_time", sa.String(length=16), nullable=False),
        sa.Column("performed_start_date", sa.String(length=8), nullable=False),
        sa.Column("performed_start_time", sa.String(length=16), nullable=False),
        sa.Column("scheduled_step_id", sa.String(), nullable=False),
        sa.Column("requested_procedure_id", sa.String(), nullable=False),
        sa.Column("body_part", sa.String(length=16), nullable=False),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study_uid", "series_uid", name=op.f("pk_catalogue_series")),
    )
    with op.batch_alter_table("catalogue_series") as batch_op:
        batch_op.create_index("ix_catalogue_series_modality", ["modality"])
        batch_op.create_index("ix_catalogue_series_series_uid", ["series_uid"])
    op.create_table(
        "catalogue_instances",
        sa.Column("sop_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=False),
        sa.Column("instance_number", sa.String(length=16), nullable=False),
        sa.Column("content_date", sa.String(length=8), nullable=False),
        sa.Column("content_time", sa.String(length=16), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("bits_allocated", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("result", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sop_uid", name=op.f("pk_catalogue_instances")),
    )
    with op.batch_alter_table("catalogue_instances") as batch_op:
        batch_op.create_index("ix_catalogue_instances_study_uid_series_uid", ["study_uid", "series_uid"])


def downgrade() -> None:
    op.drop_table("catalogue_instances")
    op.drop_table("catalogue_series")
    op.drop_table("catalogue_words")
    op.drop_table("catalogue_studies")
