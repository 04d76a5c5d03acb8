"""Whose lesson: who confirmed a recording, what nobody owns, claims and their history, and when nothing ran."""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('recording') as batch_op:
        batch_op.add_column(sa.Column('ownership', sa.String(length=32), server_default='provisional', nullable=False))
        batch_op.add_column(sa.Column('room', sa.String(length=26), nullable=True))
        batch_op.create_index(batch_op.f('ix_recording_ownership'), ['ownership'])
    # what its owner has watched before anybody asked is theirs; of everything else they are asked now
    op.execute(
        "UPDATE recording SET ownership = 'confirmed' WHERE EXISTS "
        '(SELECT 1 FROM "view" WHERE "view".recording = recording.id AND "view".viewer = recording.owner)'
    )
    op.create_table(
        'unclaimed',
        sa.Column('recording', sa.String(length=26), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('named', sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(['recording'], ['recording.id'], name=op.f('fk_unclaimed_recording')),
        sa.PrimaryKeyConstraint('recording', name=op.f('pk_unclaimed')),
    )
    op.create_table(
        'claim',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('claimant', sa.String(length=26), nullable=False),
        sa.Column('room', sa.String(length=26), nullable=True),
        sa.Column('lesson_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('said_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('state', sa.String(length=32), nullable=False),
        sa.Column('recording', sa.String(length=26), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_by', sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(['recording'], ['recording.id'], name=op.f('fk_claim_recording')),
        sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_claim_room')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_claim')),
    )
    op.create_index(op.f('ix_claim_claimant_said_at'), 'claim', ['claimant', 'said_at'])
    op.create_index(op.f('ix_claim_recording'), 'claim', ['recording'])
    op.create_index(op.f('ix_claim_state'), 'claim', ['state'])
    op.create_table(
        'ownership_event',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('recording', sa.String(length=26), nullable=False),
        sa.Column('said', sa.String(length=32), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['recording'], ['recording.id'], name=op.f('fk_ownership_event_recording')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_ownership_event')),
    )
    op.create_index(op.f('ix_ownership_event_recording'), 'ownership_event', ['recording'])
    op.create_table(
        'heartbeat',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_heartbeat')),
    )
    op.create_table(
        'standstill',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('begins_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_standstill')),
    )
    op.create_index(op.f('ix_standstill_ends_at'), 'standstill', ['ends_at'])


def downgrade() -> None:
    for table in ('standstill', 'heartbeat', 'ownership_event', 'claim', 'unclaimed'):
        op.drop_table(table)
    # in place: a batch would make the table anew
    op.drop_index(op.f('ix_recording_ownership'), 'recording')
    op.drop_column('recording', 'room')
    op.drop_column('recording', 'ownership')
