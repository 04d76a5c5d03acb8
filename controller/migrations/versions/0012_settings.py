"""A pilot is a row for each word about a room, the newest of which holds; it was one row that changed."""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('pilot',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('room', sa.String(length=26), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('set_by', sa.String(length=26), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_pilot_room')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_pilot'))
    )
    with op.batch_alter_table('pilot', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_pilot_room'), ['room'], unique=False)
    op.execute(
        'INSERT INTO pilot (room, until, reason, set_by, set_at) '
        'SELECT room, until, reason, set_by, set_at FROM adults_only ORDER BY set_at'
    )
    op.drop_table('adults_only')


def downgrade() -> None:
    op.create_table('adults_only',
    sa.Column('room', sa.String(length=26), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('set_by', sa.String(length=26), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_adults_only_room')),
    sa.PrimaryKeyConstraint('room', name=op.f('pk_adults_only'))
    )
    op.execute(
        'INSERT INTO adults_only (room, until, reason, set_by, set_at) '
        'SELECT room, until, reason, set_by, set_at FROM pilot WHERE until IS NOT NULL '
        'AND number IN (SELECT MAX(number) FROM pilot GROUP BY room)'
    )
    with op.batch_alter_table('pilot', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_pilot_room'))

    op.drop_table('pilot')
