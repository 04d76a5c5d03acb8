"""When units may send, how their nights went, and what a unit says of its link."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calendar_event',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('what', sa.String(length=32), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=False),
        sa.Column('detail', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar_event'))
    )
    op.create_table('disk_state',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('full_since', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_disk_state'))
    )
    op.create_table('free_days',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('first_day', sa.Date(), nullable=False),
        sa.Column('last_day', sa.Date(), nullable=False),
        sa.Column('label', sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_free_days'))
    )
    with op.batch_alter_table('free_days') as batch_op:
        batch_op.create_index(batch_op.f('ix_free_days_site'), ['site'], unique=False)
        batch_op.create_index(batch_op.f('ix_free_days_last_day'), ['last_day'], unique=False)

    op.create_table('line_use',
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('slot_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('taken_bytes', sa.BigInteger(), nullable=False),
        sa.Column('cap_bps', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('site', 'slot_at', name=op.f('pk_line_use'))
    )
    op.create_table('night',
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('part', sa.String(length=80), nullable=True),
        sa.Column('opens_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('closes_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('rooms', sa.Integer(), nullable=False),
        sa.Column('planned_bytes', sa.BigInteger(), nullable=False),
        sa.Column('due_bytes', sa.BigInteger(), nullable=False),
        sa.Column('planned_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('expected_end_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('taken_bytes', sa.BigInteger(), nullable=False),
        sa.Column('left_bytes', sa.BigInteger(), nullable=False),
        sa.Column('unusable', sa.Integer(), nullable=False),
        sa.Column('told_sending', sa.Integer(), nullable=False),
        sa.Column('told_due_first', sa.Integer(), nullable=False),
        sa.Column('told_turn', sa.Integer(), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('site', 'day', name=op.f('pk_night'))
    )
    op.create_table('other_hours',
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('window', sa.String(length=120), nullable=False),
        sa.Column('label', sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint('site', 'day', name=op.f('pk_other_hours'))
    )
    op.create_table('site_hours',
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('weekly', sa.Text(), nullable=False),
        sa.Column('rates', sa.Text(), nullable=False),
        sa.Column('trickle_bps', sa.BigInteger(), nullable=False),
        sa.Column('trickle_hours', sa.String(length=120), nullable=False),
        sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('changed_by', sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint('site', name=op.f('pk_site_hours'))
    )
    op.create_table('upload_pause',
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('by', sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint('site', name=op.f('pk_upload_pause'))
    )
    op.create_table('unit_night',
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('outcome', sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_unit_night_device')),
        sa.PrimaryKeyConstraint('device', name=op.f('pk_unit_night'))
    )
    op.create_table('today_wish',
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('recording', sa.String(length=26), nullable=False),
        sa.Column('asked_by', sa.String(length=26), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_today_wish_device')),
        sa.PrimaryKeyConstraint('device', 'recording', 'asked_by', name=op.f('pk_today_wish'))
    )
    with op.batch_alter_table('today_wish') as batch_op:
        batch_op.create_index(batch_op.f('ix_today_wish_ends_at'), ['ends_at'], unique=False)

    with op.batch_alter_table('device') as batch_op:
        batch_op.add_column(sa.Column('sends_by_day', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('schedule_version', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('schedule_line', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('schedule_ends_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('schedule_basis', sa.String(length=64), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('lease_version', sa.Integer(), nullable=False, server_default='0'))
    op.execute('UPDATE device SET lease_version = fence')  # until now the version of a lease was its fence

    with op.batch_alter_table('lease') as batch_op:
        batch_op.add_column(sa.Column('first', sa.String(length=26), nullable=True))
        batch_op.add_column(
            sa.Column('rate_since', sa.DateTime(timezone=True), nullable=False, server_default='1970-01-01 00:00:00')
        )
        batch_op.add_column(sa.Column('earlier_bps', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('earlier_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_lease_revoked_at'), ['revoked_at'], unique=False)
    op.execute('UPDATE lease SET rate_since = granted_at')

    with op.batch_alter_table('held_object') as batch_op:
        batch_op.add_column(sa.Column('verified_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('damaged_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            batch_op.f('ix_held_object_verified_at_held_at'), ['verified_at', 'held_at'], unique=False
        )
        batch_op.create_index(batch_op.f('ix_held_object_damaged_at'), ['damaged_at'], unique=False)

    with op.batch_alter_table('upload') as batch_op:
        batch_op.create_index(batch_op.f('ix_upload_device_ended_at'), ['device', 'ended_at'], unique=False)

    with op.batch_alter_table('outbox') as batch_op:
        batch_op.create_index(batch_op.f('ix_outbox_topic'), ['topic'], unique=False)

    with op.batch_alter_table('spool_report') as batch_op:
        batch_op.add_column(sa.Column('due_bytes', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('measured_bps', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('link_bps', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('reason', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    with op.batch_alter_table('outbox') as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_topic'))

    with op.batch_alter_table('spool_report') as batch_op:
        batch_op.drop_column('reason')
        batch_op.drop_column('link_bps')
        batch_op.drop_column('measured_bps')
        batch_op.drop_column('due_bytes')

    with op.batch_alter_table('upload') as batch_op:
        batch_op.drop_index(batch_op.f('ix_upload_device_ended_at'))

    with op.batch_alter_table('held_object') as batch_op:
        batch_op.drop_index(batch_op.f('ix_held_object_damaged_at'))
        batch_op.drop_index(batch_op.f('ix_held_object_verified_at_held_at'))
        batch_op.drop_column('damaged_at')
        batch_op.drop_column('verified_at')

    with op.batch_alter_table('lease') as batch_op:
        batch_op.drop_index(batch_op.f('ix_lease_revoked_at'))
        batch_op.drop_column('earlier_until')
        batch_op.drop_column('earlier_bps')
        batch_op.drop_column('rate_since')
        batch_op.drop_column('first')

    with op.batch_alter_table('device') as batch_op:
        batch_op.drop_column('lease_version')
        batch_op.drop_column('schedule_basis')
        batch_op.drop_column('schedule_ends_at')
        batch_op.drop_column('schedule_line')
        batch_op.drop_column('schedule_version')
        batch_op.drop_column('sends_by_day')

    with op.batch_alter_table('today_wish') as batch_op:
        batch_op.drop_index(batch_op.f('ix_today_wish_ends_at'))

    op.drop_table('today_wish')
    op.drop_table('unit_night')
    op.drop_table('upload_pause')
    op.drop_table('site_hours')
    op.drop_table('other_hours')
    op.drop_table('night')
    op.drop_table('line_use')
    with op.batch_alter_table('free_days') as batch_op:
        batch_op.drop_index(batch_op.f('ix_free_days_last_day'))
        batch_op.drop_index(batch_op.f('ix_free_days_site'))

    op.drop_table('free_days')
    op.drop_table('disk_state')
    op.drop_table('calendar_event')
