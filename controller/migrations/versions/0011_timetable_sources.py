"""Where a rule of the timetable comes from, on which weekdays a usual lesson holds, and the timetable's history."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('timetable_event',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('what', sa.String(length=32), nullable=False),
    sa.Column('by', sa.String(length=26), nullable=False),
    sa.Column('room', sa.String(length=26), nullable=True),
    sa.Column('about', sa.String(length=26), nullable=True),
    sa.Column('day', sa.Date(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timetable_event'))
    )
    with op.batch_alter_table('timetable_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_timetable_event_room'), ['room'], unique=False)

    op.add_column('lesson_rule', sa.Column('source', sa.String(length=32), nullable=False, server_default='hand'))
    op.add_column('usual_lesson', sa.Column('weekdays', sa.String(length=7), nullable=False, server_default='01234'))


def downgrade() -> None:
    with op.batch_alter_table('usual_lesson', schema=None) as batch_op:
        batch_op.drop_column('weekdays')
    with op.batch_alter_table('lesson_rule', schema=None) as batch_op:
        batch_op.drop_column('source')
    op.drop_table('timetable_event')
