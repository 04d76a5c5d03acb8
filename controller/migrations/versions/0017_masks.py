"""Masks of rooms."""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'mask_version',
        sa.Column('room', sa.String(length=26), nullable=False),
        sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('areas', sa.Text(), nullable=False),
        sa.Column('reason', sa.String(length=300), nullable=False),
        sa.Column('set_by', sa.String(length=26), nullable=False),
        sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_mask_version_room')),
        sa.PrimaryKeyConstraint('room', 'version', name=op.f('pk_mask_version')),
    )


def downgrade() -> None:
    op.drop_table('mask_version')
