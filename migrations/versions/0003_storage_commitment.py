"""Storage commitment: what we ask of destinations, and what modalities ask of us.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_AWAITED = ["commitment", "destination", "state", "next_at"]


def upgrade() -> None:
    op.create_index("ix_deliveries_commitment_destination_state_next_at", "deliveries", _AWAITED)
    op.create_table(
        "commitment_requests",
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("reported_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("transaction_uid", name="pk_commitment_requests"),
    )
    op.create_table(
        "commitment_references",
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_uid"],
            ["commitment_requests.transaction_uid"],
            name="fk_commitment_references_transaction_uid",
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_commitment_references_delivery_id"),
        sa.PrimaryKeyConstraint("transaction_uid", "delivery_id", name="pk_commitment_references"),
    )
    op.create_table(
        "promises",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("calling_ae", sa.String(length=16), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_promises"),
        sa.UniqueConstraint("transaction_uid", "calling_ae", name="uq_promises_transaction_uid_calling_ae"),
    )
    op.create_index("ix_promises_state_next_at", "promises", ["state", "next_at"])


def downgrade() -> None:
    op.drop_table("promises")
    op.drop_table("commitment_references")
    op.drop_table("commitment_requests")
    op.drop_index("ix_deliveries_commitment_destination_state_next_at", "deliveries")
