"""Roles: several a person, each with its history."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'account_role',
        sa.Column('account', sa.String(length=26), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('given_by', sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(['account'], ['account.id'], name=op.f('fk_account_role_account_account')),
        sa.PrimaryKeyConstraint('account', 'role', 'site', name=op.f('pk_account_role'))
    )
    op.create_table(
        'role_event',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('account', sa.String(length=26), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('site', sa.String(length=80), nullable=False),
        sa.Column('given', sa.Boolean(), nullable=False),
        sa.Column('warned', sa.Boolean(), nullable=False),
        sa.Column('by', sa.String(length=26), nullable=True),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['account'], ['account.id'], name=op.f('fk_role_event_account_account')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_role_event'))
    )
    with op.batch_alter_table('role_event') as batch_op:
        batch_op.create_index(batch_op.f('ix_role_event_account'), ['account'], unique=False)
    # whoever has an account had one role, from the day on which it was made
    op.execute(
        "INSERT INTO account_role (account, role, site, given_at, given_by) "
        "SELECT id, role, '', made_at, NULL FROM account"
    )
    op.execute(
        'INSERT INTO role_event (account, role, site, given, warned, "by", at) '
        "SELECT id, role, '', true, false, NULL, made_at FROM account"
    )
    with op.batch_alter_table('account') as batch_op:
        batch_op.drop_column('role')


def downgrade() -> None:
    with op.batch_alter_table('account') as batch_op:
        batch_op.add_column(sa.Column('role', sa.String(length=32), nullable=False, server_default='teacher'))
    op.execute(
        "UPDATE account SET role = 'admin' WHERE id IN (SELECT account FROM account_role WHERE role = 'admin')"
    )
    op.drop_table('role_event')
    op.drop_table('account_role')
