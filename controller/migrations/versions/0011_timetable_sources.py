"""Where a rule of the timetable comes from, weekdays of usual lessons, bells, terms, drafts and the history."""

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

    op.create_table('bell_period',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('site', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('weekdays', sa.String(length=7), nullable=False),
    sa.Column('begins', sa.Time(), nullable=False),
    sa.Column('ends', sa.Time(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bell_period'))
    )
    with op.batch_alter_table('bell_period', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bell_period_site'), ['site'], unique=False)

    op.create_table('term',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('site', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('begins_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_term')),
    sa.UniqueConstraint('site', 'name', name=op.f('uq_term_site_name'))
    )
    op.create_table('timetable_draft',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('source', sa.String(length=32), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=26), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_timetable_draft'))
    )
    with op.batch_alter_table('timetable_draft', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_timetable_draft_ends_at'), ['ends_at'], unique=False)

    op.add_column('lesson_rule', sa.Column('source', sa.String(length=32), nullable=False, server_default='hand'))
    op.add_column('usual_lesson', sa.Column('weekdays', sa.String(length=7), nullable=False, server_default='01234'))


def downgrade() -> None:
    with op.batch_alter_table('usual_lesson', schema=None) as batch_op:
        batch_op.drop_column('weekdays')
    with op.batch_alter_table('lesson_rule', schema=None) as batch_op:
        batch_op.drop_column('source')
    op.drop_table('timetable_draft')
    op.drop_table('term')
    op.drop_table('bell_period')
    op.drop_table('timetable_event')
