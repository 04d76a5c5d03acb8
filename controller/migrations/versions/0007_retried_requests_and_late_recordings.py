"""What programs asked for under a key of their own; recordings that came when nothing could open them any more."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'keyed_request',
        sa.Column('account', sa.String(length=26), nullable=False),
        sa.Column('key', sa.String(length=200), nullable=False),
        sa.Column('asked', sa.String(length=64), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('status', sa.Integer(), nullable=True),
        sa.Column('answer', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('account', 'key', name=op.f('pk_keyed_request'))
    )
    with op.batch_alter_table('keyed_request') as batch_op:
        batch_op.create_index(batch_op.f('ix_keyed_request_at'), ['at'], unique=False)

    op.create_table(
        'late_recording',
        sa.Column('recording', sa.String(length=26), nullable=False),
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('owner', sa.String(length=26), nullable=False),
        sa.Column('epoch', sa.String(length=64), nullable=False),
        sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('learned_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('put_aside_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_late_recording_device_device')),
        sa.PrimaryKeyConstraint('recording', name=op.f('pk_late_recording'))
    )
    with op.batch_alter_table('late_recording') as batch_op:
        batch_op.create_index(batch_op.f('ix_late_recording_owner'), ['owner'], unique=False)


def downgrade() -> None:
    op.drop_table('late_recording')
    op.drop_table('keyed_request')
