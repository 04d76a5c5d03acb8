"""The speech share of a recording."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('recording') as batch_op:
        batch_op.add_column(sa.Column('speech_permille', sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('recording') as batch_op:
        batch_op.drop_column('speech_permille')
