"""Withdrawn results, studies of which nothing could be analysed, and proof of arrival.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("studies") as batch_op:
        batch_op.add_column(sa.Column("not_analysed", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("unserved", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("withdrawals", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("awaits_proof", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(batch_op.f("ix_studies_awaits_proof"), ["awaits_proof"], unique=False)
    with op.batch_alter_table("outputs") as batch_op:
        batch_op.add_column(sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.add_column(sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("commitment", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("committed_at", sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.drop_column("committed_at")
        batch_op.drop_column("commitment")
        batch_op.drop_column("refusals")
    with op.batch_alter_table("outputs") as batch_op:
        batch_op.drop_column("withdrawn")
    with op.batch_alter_table("studies") as batch_op:
        batch_op.drop_index(batch_op.f("ix_studies_awaits_proof"))
        batch_op.drop_column("awaits_proof")
        batch_op.drop_column("withdrawals")
        batch_op.drop_column("unserved")
        batch_op.drop_column("not_analysed")
