"""How a unit joins, what it was through, and how its epochs end."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'enrollment_attempt',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('device', sa.String(length=26), nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_enrollment_attempt'))
    )
    with op.batch_alter_table('enrollment_attempt') as batch_op:
        batch_op.create_index(batch_op.f('ix_enrollment_attempt_address'), ['address'], unique=False)
        batch_op.create_index(batch_op.f('ix_enrollment_attempt_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_enrollment_attempt_device'), ['device'], unique=False)

    op.create_table(
        'epoch',
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('begins_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_epoch'))
    )
    op.create_table(
        'epoch_end',
        sa.Column('epoch', sa.String(length=64), nullable=False),
        sa.Column('begun_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('epoch', name=op.f('pk_epoch_end'))
    )
    op.create_table(
        'renewal_nonce',
        sa.Column('nonce', sa.String(length=64), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('nonce', name=op.f('pk_renewal_nonce'))
    )
    with op.batch_alter_table('renewal_nonce') as batch_op:
        batch_op.create_index(batch_op.f('ix_renewal_nonce_made_at'), ['made_at'], unique=False)

    op.create_table(
        'certificate',
        sa.Column('serial', sa.String(length=40), nullable=False),
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('spki', sa.String(length=64), nullable=False),
        sa.Column('pem', sa.Text(), nullable=False),
        sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('revoked_why', sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_certificate_device')),
        sa.PrimaryKeyConstraint('serial', name=op.f('pk_certificate')),
        sa.UniqueConstraint('digest', name=op.f('uq_certificate_digest'))
    )
    with op.batch_alter_table('certificate') as batch_op:
        batch_op.create_index(batch_op.f('ix_certificate_device'), ['device'], unique=False)
        batch_op.create_index(batch_op.f('ix_certificate_spki'), ['spki'], unique=False)

    op.create_table(
        'device_event',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('what', sa.String(length=32), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=False),
        sa.Column('detail', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_device_event_device')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_device_event'))
    )
    with op.batch_alter_table('device_event') as batch_op:
        batch_op.create_index(batch_op.f('ix_device_event_device'), ['device'], unique=False)

    op.create_table(
        'enrollment_request',
        sa.Column('spki', sa.String(length=64), nullable=False),
        sa.Column('request', sa.LargeBinary(), nullable=False),
        sa.Column('hint', sa.String(length=120), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('device', sa.String(length=26), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_by', sa.String(length=26), nullable=True),
        sa.Column('refused', sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_enrollment_request_device')),
        sa.PrimaryKeyConstraint('spki', name=op.f('pk_enrollment_request'))
    )
    op.create_table(
        'enrollment_secret',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('secret_hash', sa.String(length=64), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('spki', sa.String(length=64), nullable=True),
        sa.Column('bound_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_enrollment_secret_device')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_enrollment_secret')),
        sa.UniqueConstraint('secret_hash', name=op.f('uq_enrollment_secret_secret_hash'))
    )
    with op.batch_alter_table('enrollment_secret') as batch_op:
        batch_op.create_index(batch_op.f('ix_enrollment_secret_device'), ['device'], unique=False)

    op.create_table(
        'epoch_statement',
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('line', sa.LargeBinary(), nullable=False),
        sa.Column('counter', sa.BigInteger(), nullable=False),
        sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_epoch_statement_device')),
        sa.PrimaryKeyConstraint('device', name=op.f('pk_epoch_statement'))
    )
    op.create_table(
        'epoch_waiver',
        sa.Column('epoch', sa.String(length=64), nullable=False),
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('would_lose', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_epoch_waiver_device')),
        sa.PrimaryKeyConstraint('epoch', 'device', name=op.f('pk_epoch_waiver'))
    )
    op.create_table(
        'recorder_key',
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('key', sa.String(length=64), nullable=False),
        sa.Column('since', sa.DateTime(timezone=True), nullable=False),
        sa.Column('until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('how', sa.String(length=32), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_recorder_key_device')),
        sa.PrimaryKeyConstraint('device', 'key', name=op.f('pk_recorder_key'))
    )
    op.create_table(
        'unit_counter',
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('birth', sa.BigInteger(), nullable=False),
        sa.Column('boots', sa.BigInteger(), nullable=False),
        sa.Column('boot', sa.String(length=64), nullable=False),
        sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_unit_counter_device')),
        sa.PrimaryKeyConstraint('device', name=op.f('pk_unit_counter'))
    )
    op.create_table(
        'unit_command',
        sa.Column('device', sa.String(length=26), nullable=False),
        sa.Column('task', sa.String(length=32), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('line', sa.LargeBinary(), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['device'], ['device.id'], name=op.f('fk_unit_command_device')),
        sa.PrimaryKeyConstraint('device', 'task', name=op.f('pk_unit_command'))
    )


def downgrade() -> None:
    op.drop_table('unit_command')
    op.drop_table('unit_counter')
    op.drop_table('recorder_key')
    op.drop_table('epoch_waiver')
    op.drop_table('epoch_statement')
    op.drop_table('enrollment_secret')
    op.drop_table('enrollment_request')
    op.drop_table('device_event')
    op.drop_table('certificate')
    op.drop_table('renewal_nonce')
    op.drop_table('epoch_end')
    op.drop_table('epoch')
    op.drop_table('enrollment_attempt')
