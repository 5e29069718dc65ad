"""Orders told by HL7 v2.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("placer_number", sa.String(), nullable=False),
        sa.Column("filler_number", sa.String(), nullable=False),
        sa.Column("accession_number", sa.String(), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("urgency", sa.String(length=16), nullable=False),
        sa.Column("control", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("message_at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders") as batch_op:
        batch_op.create_index("ix_orders_accession_number", ["accession_number"])
        batch_op.create_index("ix_orders_filler_number", ["filler_number"])
        batch_op.create_index("ix_orders_placer_number", ["placer_number"])
        batch_op.create_index("ix_orders_received_at", ["received_at"])
        batch_op.create_index("ix_orders_study_uid", ["study_uid"])
    op.create_table(
        "order_messages",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "message_id", name=op.f("pk_order_messages")),
    )
    with op.batch_alter_table("order_messages") as batch_op:
        batch_op.create_index("ix_order_messages_received_at", ["received_at"])


def downgrade() -> None:
    op.drop_table("order_messages")
    op.drop_table("orders")
