"""Unified procedure steps: the reading worklist, its subscribers and events.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import VARCHAR

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BEGINNING = sa.String().with_variant(VARCHAR(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "work_items",
        sa.Column("ups_uid", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("reading", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("arrived_at", sa.Double(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("patient_name_key", BEGINNING, nullable=False),
        sa.Column("patient_id", BEGINNING, nullable=False),
        sa.Column("accession_number", BEGINNING, nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("attributes", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("ups_uid", name=op.f("pk_work_items")),
    )
    with op.batch_alter_table("work_items") as batch_op:
        batch_op.create_index("ix_work_items_reading_state_due_at_ups_uid", ["reading", "state", "due_at", "ups_uid"])
        batch_op.create_index("ix_work_items_state_due_at_ups_uid", ["state", "due_at", "ups_uid"])
        batch_op.create_index(
            "ix_work_items_due", ["due_at", "ups_uid", "patient_name_key", "patient_id", "accession_number"]
        )
        batch_op.create_index("ix_work_items_accession_number", ["accession_number"])
        batch_op.create_index("ix_work_items_patient_id", ["patient_id"])
        batch_op.create_index("ix_work_items_patient_name_key", ["patient_name_key"])
        batch_op.create_index("ix_work_items_state_updated_at", ["state", "updated_at"])
        batch_op.create_index("ix_work_items_study_uid", ["study_uid"])
    op.create_table(
        "ups_subscriptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("receiver", sa.String(length=64), nullable=False),
        sa.Column("ups_uid", sa.String(length=64), nullable=False),
        sa.Column("deletion_lock", sa.Boolean(), nullable=False),
        sa.Column("matching", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ups_subscriptions")),
        sa.UniqueConstraint("receiver", "ups_uid", name=op.f("uq_ups_subscriptions_receiver_ups_uid")),
    )
    with op.batch_alter_table("ups_subscriptions") as batch_op:
        batch_op.create_index("ix_ups_subscriptions_ups_uid", ["ups_uid"])
    op.create_table(
        "ups_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("receiver", sa.String(length=64), nullable=False),
        sa.Column("ups_uid", sa.String(length=64), nullable=False),
        sa.Column("event_type", sa.Integer(), nullable=False),
        sa.Column("information", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ups_events")),
    )
    with op.batch_alter_table("ups_events") as batch_op:
        batch_op.create_index("ix_ups_events_receiver_id", ["receiver", "id"])
    with op.batch_alter_table("studies") as batch_op:
        batch_op.add_column(sa.Column("awaits_place", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("findings", sa.String(), nullable=False, server_default=""))
        batch_op.create_index("ix_studies_awaits_place", ["awaits_place"])
        batch_op.create_index("ix_studies_received_at", ["received_at"])
    # What came in the last day may still have to be read; what is older was read without this list.
    studies = sa.table("studies", sa.column("received_at", sa.Double()), sa.column("awaits_place", sa.Boolean()))
    op.execute(studies.update().where(studies.c.received_at >= time.time() - 86400.0).values(awaits_place=True))


def downgrade() -> None:
    with op.batch_alter_table("studies") as batch_op:
        batch_op.drop_index("ix_studies_received_at")
        batch_op.drop_index("ix_studies_awaits_place")
        batch_op.drop_column("findings")
        batch_op.drop_column("awaits_place")
    op.drop_table("ups_events")
    op.drop_table("ups_subscriptions")
    op.drop_table("work_items")
