"""Where a unit stands in its life; a recording keeps the key that signed it.

Of a unit that was added before only its certificate's digest was kept: it stands as pending, and joins anew.
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

TEXTS = {'state_reason': sa.String(200), 'site': sa.String(80), 'room_name': sa.String(120), 'model': sa.String(120),
         'serial': sa.String(64), 'software': sa.String(64)}


def upgrade() -> None:
    _keep_signers()
    with op.batch_alter_table('device') as batch_op:
        batch_op.add_column(sa.Column('state', sa.String(32), nullable=False, server_default='pending'))
        batch_op.add_column(sa.Column('tags', sa.Text(), nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('card', sa.Text(), nullable=True))
        for name, kind in TEXTS.items():
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=''))
        batch_op.alter_column('recorder_key', existing_type=sa.String(64), nullable=True)
    op.execute("UPDATE device SET state = 'retired' WHERE retired_at IS NOT NULL")
    op.execute('UPDATE device SET card = room')
    with op.batch_alter_table('device') as batch_op:
        batch_op.create_index('ix_device_state', ['state'], unique=False)
        for name in ('certificate_ends_at', 'certificate_digest', 'retired_at', 'room'):
            batch_op.drop_column(name)


def _keep_signers() -> None:
    op.execute(
        'INSERT INTO recorder_key (device, "key", since, how, "by") '
        "SELECT id, recorder_key, added_at, 'enrolled', '' FROM device"
    )
    with op.batch_alter_table('recording') as batch_op:
        batch_op.add_column(sa.Column('recorder_key', sa.String(64), nullable=True))
    op.execute('UPDATE recording SET recorder_key = (SELECT d.recorder_key FROM device d WHERE d.id = recording.device)')
    with op.batch_alter_table('recording') as batch_op:
        batch_op.alter_column('recorder_key', existing_type=sa.String(64), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table('device') as batch_op:
        batch_op.add_column(sa.Column('certificate_digest', sa.String(64), nullable=False, server_default='0' * 64))
        batch_op.add_column(sa.Column('certificate_ends_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('room', sa.Text(), nullable=True))
    op.execute("UPDATE device SET room = card, certificate_ends_at = added_at, recorder_key = COALESCE(recorder_key, '')")
    op.execute("UPDATE device SET retired_at = added_at WHERE state IN ('retired', 'lost')")
    with op.batch_alter_table('device') as batch_op:
        batch_op.alter_column('recorder_key', existing_type=sa.String(64), nullable=False)
        batch_op.alter_column('certificate_ends_at', existing_type=sa.DateTime(timezone=True), nullable=False)
        batch_op.drop_index('ix_device_state')
        for name in ('state', 'tags', 'card', *TEXTS):
            batch_op.drop_column(name)
    with op.batch_alter_table('recording') as batch_op:
        batch_op.drop_column('recorder_key')
