"""Versions of the consent form, the codes on printed forms, tables of answers that wait, lines that take others back."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('answer_draft',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=26), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_answer_draft'))
    )
    with op.batch_alter_table('answer_draft', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answer_draft_ends_at'), ['ends_at'], unique=False)

    op.create_table('consent_form',
    sa.Column('version', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_consent_form')),
    sa.UniqueConstraint('digest', name=op.f('uq_consent_form_digest'))
    )
    op.create_table('form_code',
    sa.Column('code', sa.String(length=8), nullable=False),
    sa.Column('person', sa.String(length=26), nullable=False),
    sa.Column('form_version', sa.Integer(), nullable=False),
    sa.Column('printed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['form_version'], ['consent_form.version'], name=op.f('fk_form_code_form_version')),
    sa.ForeignKeyConstraint(['person'], ['person.id'], name=op.f('fk_form_code_person')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_form_code')),
    sa.UniqueConstraint('person', 'form_version', name=op.f('uq_form_code_person_form_version'))
    )
    with op.batch_alter_table('answer', schema=None) as batch_op:
        batch_op.add_column(sa.Column('undoes', sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f('ix_answer_undoes'), ['undoes'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_answer_undoes'), 'answer', ['undoes'], ['number'])


def downgrade() -> None:
    with op.batch_alter_table('answer', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_answer_undoes'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_answer_undoes'))
        batch_op.drop_column('undoes')

    op.drop_table('form_code')
    op.drop_table('consent_form')
    with op.batch_alter_table('answer_draft', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_answer_draft_ends_at'))

    op.drop_table('answer_draft')
