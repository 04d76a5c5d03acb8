"""The timetable and the registry of consent; what a unit's snapshot was made of."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('agreement',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('who', sa.String(length=32), nullable=False),
    sa.Column('about', sa.String(length=80), nullable=False),
    sa.Column('agrees', sa.Boolean(), nullable=False),
    sa.Column('holds_from', sa.Date(), nullable=False),
    sa.Column('holds_until', sa.Date(), nullable=True),
    sa.Column('recorded_by', sa.String(length=26), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_agreement'))
    )
    with op.batch_alter_table('agreement', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_agreement_who_about'), ['who', 'about'], unique=False)

    op.create_table('room',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('site', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_room')),
    sa.UniqueConstraint('site', 'name', name=op.f('uq_room_site_name'))
    )
    op.create_table('rules_version',
    sa.Column('version', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('settings', sa.Text(), nullable=False),
    sa.Column('reasons', sa.Text(), nullable=False),
    sa.Column('set_by', sa.String(length=26), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_rules_version'))
    )
    op.create_table('adults_only',
    sa.Column('room', sa.String(length=26), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('set_by', sa.String(length=26), nullable=False),
    sa.Column('set_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_adults_only_room')),
    sa.PrimaryKeyConstraint('room', name=op.f('pk_adults_only'))
    )
    op.create_table('blackout',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('room', sa.String(length=26), nullable=True),
    sa.Column('site', sa.String(length=80), nullable=False),
    sa.Column('begins_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('made_by', sa.String(length=26), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lifted_by', sa.String(length=26), nullable=True),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_blackout_room')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_blackout'))
    )
    with op.batch_alter_table('blackout', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_blackout_ends_at'), ['ends_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_blackout_room'), ['room'], unique=False)

    op.create_table('lesson_rule',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('room', sa.String(length=26), nullable=False),
    sa.Column('weekday', sa.Integer(), nullable=False),
    sa.Column('begins', sa.Time(), nullable=False),
    sa.Column('ends', sa.Time(), nullable=False),
    sa.Column('begins_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_lesson_rule_room')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lesson_rule'))
    )
    with op.batch_alter_table('lesson_rule', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_lesson_rule_room'), ['room'], unique=False)

    op.create_table('answer',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('person', sa.String(length=26), nullable=False),
    sa.Column('giver', sa.String(length=32), nullable=False),
    sa.Column('picture', sa.String(length=120), nullable=False),
    sa.Column('voice', sa.String(length=120), nullable=False),
    sa.Column('holds_from', sa.Date(), nullable=False),
    sa.Column('holds_until', sa.Date(), nullable=True),
    sa.Column('is_withdrawal', sa.Boolean(), nullable=False),
    sa.Column('form_version', sa.Integer(), nullable=True),
    sa.Column('basis', sa.String(length=40), nullable=False),
    sa.Column('recorded_by', sa.String(length=26), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person'], ['person.id'], name=op.f('fk_answer_person')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_answer'))
    )
    with op.batch_alter_table('answer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answer_person_number'), ['person', 'number'], unique=False)

    op.create_table('lesson_change',
    sa.Column('rule', sa.String(length=26), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('is_cancelled', sa.Boolean(), nullable=False),
    sa.Column('teacher', sa.String(length=26), nullable=True),
    sa.Column('room', sa.String(length=26), nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=26), nullable=False),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_lesson_change_room')),
    sa.ForeignKeyConstraint(['rule'], ['lesson_rule.id'], name=op.f('fk_lesson_change_rule')),
    sa.ForeignKeyConstraint(['teacher'], ['person.id'], name=op.f('fk_lesson_change_teacher')),
    sa.PrimaryKeyConstraint('rule', 'day', name=op.f('pk_lesson_change'))
    )
    op.create_table('lesson_guest',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('person', sa.String(length=26), nullable=False),
    sa.Column('class_id', sa.String(length=26), nullable=True),
    sa.Column('room', sa.String(length=26), nullable=True),
    sa.Column('begins_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=26), nullable=False),
    sa.ForeignKeyConstraint(['class_id'], ['school_class.id'], name=op.f('fk_lesson_guest_class_id')),
    sa.ForeignKeyConstraint(['person'], ['person.id'], name=op.f('fk_lesson_guest_person')),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_lesson_guest_room')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lesson_guest'))
    )
    with op.batch_alter_table('lesson_guest', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_lesson_guest_class_id'), ['class_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_lesson_guest_person'), ['person'], unique=False)
        batch_op.create_index(batch_op.f('ix_lesson_guest_room'), ['room'], unique=False)

    op.create_table('lesson_rule_class',
    sa.Column('rule', sa.String(length=26), nullable=False),
    sa.Column('class_id', sa.String(length=26), nullable=False),
    sa.ForeignKeyConstraint(['class_id'], ['school_class.id'], name=op.f('fk_lesson_rule_class_class_id')),
    sa.ForeignKeyConstraint(['rule'], ['lesson_rule.id'], name=op.f('fk_lesson_rule_class_rule')),
    sa.PrimaryKeyConstraint('rule', 'class_id', name=op.f('pk_lesson_rule_class'))
    )
    with op.batch_alter_table('lesson_rule_class', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_lesson_rule_class_class_id'), ['class_id'], unique=False)

    op.create_table('lesson_rule_teacher',
    sa.Column('rule', sa.String(length=26), nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('person', sa.String(length=26), nullable=False),
    sa.ForeignKeyConstraint(['person'], ['person.id'], name=op.f('fk_lesson_rule_teacher_person')),
    sa.ForeignKeyConstraint(['rule'], ['lesson_rule.id'], name=op.f('fk_lesson_rule_teacher_rule')),
    sa.PrimaryKeyConstraint('rule', 'place', name=op.f('pk_lesson_rule_teacher'))
    )
    with op.batch_alter_table('lesson_rule_teacher', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_lesson_rule_teacher_person'), ['person'], unique=False)

    op.create_table('usual_lesson',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('room', sa.String(length=26), nullable=False),
    sa.Column('teacher', sa.String(length=26), nullable=False),
    sa.Column('class_id', sa.String(length=26), nullable=False),
    sa.Column('begins', sa.Time(), nullable=False),
    sa.Column('ends', sa.Time(), nullable=False),
    sa.Column('begins_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['class_id'], ['school_class.id'], name=op.f('fk_usual_lesson_class_id')),
    sa.ForeignKeyConstraint(['room'], ['room.id'], name=op.f('fk_usual_lesson_room')),
    sa.ForeignKeyConstraint(['teacher'], ['person.id'], name=op.f('fk_usual_lesson_teacher')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_usual_lesson'))
    )
    with op.batch_alter_table('usual_lesson', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_usual_lesson_class_id'), ['class_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_usual_lesson_room'), ['room'], unique=False)

    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.add_column(sa.Column('policy_basis', sa.String(length=64), server_default='', nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.drop_column('policy_basis')

    with op.batch_alter_table('usual_lesson', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_usual_lesson_room'))
        batch_op.drop_index(batch_op.f('ix_usual_lesson_class_id'))

    op.drop_table('usual_lesson')
    with op.batch_alter_table('lesson_rule_teacher', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_lesson_rule_teacher_person'))

    op.drop_table('lesson_rule_teacher')
    with op.batch_alter_table('lesson_rule_class', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_lesson_rule_class_class_id'))

    op.drop_table('lesson_rule_class')
    with op.batch_alter_table('lesson_guest', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_lesson_guest_room'))
        batch_op.drop_index(batch_op.f('ix_lesson_guest_person'))
        batch_op.drop_index(batch_op.f('ix_lesson_guest_class_id'))

    op.drop_table('lesson_guest')
    op.drop_table('lesson_change')
    with op.batch_alter_table('answer', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_answer_person_number'))

    op.drop_table('answer')
    with op.batch_alter_table('lesson_rule', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_lesson_rule_room'))

    op.drop_table('lesson_rule')
    with op.batch_alter_table('blackout', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_blackout_room'))
        batch_op.drop_index(batch_op.f('ix_blackout_ends_at'))

    op.drop_table('blackout')
    op.drop_table('adults_only')
    op.drop_table('rules_version')
    op.drop_table('room')
    with op.batch_alter_table('agreement', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_agreement_who_about'))

    op.drop_table('agreement')
