"""Consent at the button: people, classes, who is in them, and the rosters from which that was read."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('roster_draft',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('source', sa.String(length=32), nullable=False),
        sa.Column('scope', sa.String(length=32), nullable=False),
        sa.Column('starts_on', sa.Date(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.Column('passed_over', sa.Text(), nullable=False),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('made_by', sa.String(length=26), nullable=False),
        sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_roster_draft'))
    )
    with op.batch_alter_table('roster_draft') as batch_op:
        batch_op.create_index(batch_op.f('ix_roster_draft_ends_at'), ['ends_at'], unique=False)

    op.create_table('roster_event',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('what', sa.String(length=32), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=False),
        sa.Column('starts_on', sa.Date(), nullable=True),
        sa.Column('person', sa.String(length=26), nullable=True),
        sa.Column('detail', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_roster_event'))
    )
    op.create_table('school_class',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('source', sa.String(length=32), nullable=False),
        sa.Column('sourced_id', sa.String(length=255), nullable=True),
        sa.Column('title', sa.String(length=120), nullable=False),
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('begins_on', sa.Date(), nullable=False),
        sa.Column('ends_on', sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_school_class')),
        sa.UniqueConstraint('sourced_id', name=op.f('uq_school_class_sourced_id'))
    )
    with op.batch_alter_table('school_class') as batch_op:
        batch_op.create_index(batch_op.f('ix_school_class_site'), ['site'], unique=False)

    op.create_table('person',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('sourced_id', sa.String(length=255), nullable=True),
        sa.Column('account', sa.String(length=26), nullable=True),
        sa.Column('of_age_on', sa.Date(), nullable=True),
        sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('forgotten_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['account'], ['account.id'], name=op.f('fk_person_account')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
        sa.UniqueConstraint('sourced_id', name=op.f('uq_person_sourced_id'))
    )
    with op.batch_alter_table('person') as batch_op:
        batch_op.create_index(batch_op.f('ix_person_account'), ['account'], unique=False)

    op.create_table('membership',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('class_id', sa.String(length=26), nullable=False),
        sa.Column('person', sa.String(length=26), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('begins_on', sa.Date(), nullable=False),
        sa.Column('ends_on', sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(['class_id'], ['school_class.id'], name=op.f('fk_membership_class_id')),
        sa.ForeignKeyConstraint(['person'], ['person.id'], name=op.f('fk_membership_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_membership')),
        sa.UniqueConstraint('class_id', 'person', 'role', 'begins_on', name=op.f('uq_membership_class_id_person_role_begins_on'))
    )
    with op.batch_alter_table('membership') as batch_op:
        batch_op.create_index(batch_op.f('ix_membership_person'), ['person'], unique=False)

    op.create_table('person_name',
        sa.Column('person', sa.String(length=26), nullable=False),
        sa.Column('given', sa.String(length=120), nullable=False),
        sa.Column('family', sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(['person'], ['person.id'], name=op.f('fk_person_name_person')),
        sa.PrimaryKeyConstraint('person', name=op.f('pk_person_name'))
    )


def downgrade() -> None:
    op.drop_table('person_name')
    with op.batch_alter_table('membership') as batch_op:
        batch_op.drop_index(batch_op.f('ix_membership_person'))

    op.drop_table('membership')
    with op.batch_alter_table('person') as batch_op:
        batch_op.drop_index(batch_op.f('ix_person_account'))

    op.drop_table('person')
    with op.batch_alter_table('school_class') as batch_op:
        batch_op.drop_index(batch_op.f('ix_school_class_site'))

    op.drop_table('school_class')
    op.drop_table('roster_event')
    with op.batch_alter_table('roster_draft') as batch_op:
        batch_op.drop_index(batch_op.f('ix_roster_draft_ends_at'))

    op.drop_table('roster_draft')
