"""Words for roles and for what is wrong with giving or taking one; texts to be translated."""

from __future__ import annotations

from controller.accounts.models import Role
from controller.accounts.role_policy import RoleFault
from controller.recordings.titles import mark

ROLES: dict[Role, str] = {
    Role.TEACHER: mark("Teacher"),
    Role.VIEWER: mark("Coach or peer"),
    Role.EVALUATOR: mark("Evaluator"),
    Role.KEEPER: mark("School office (consent)"),
    Role.IT: mark("IT"),
    Role.PRINCIPAL: mark("Principal"),
    Role.PRIVACY: mark("Privacy officer"),
    Role.ADMIN: mark("Administrator"),
}
WHAT_FOR: dict[Role, str] = {
    Role.TEACHER: mark("records, and watches their own recordings"),
    Role.VIEWER: mark("sees what a teacher has shared with them"),
    Role.EVALUATOR: mark("sees what a teacher has submitted to them"),
    Role.KEEPER: mark("keeps class lists and families’ answers; sees no recording"),
    Role.IT: mark("runs the units of a site, or of all; sees no recording"),
    Role.PRINCIPAL: mark("agrees to recording for a site, or for all; sees no recording"),
    Role.PRIVACY: mark("sets the school’s rules and reads what was done with them; sees no recording"),
    Role.ADMIN: mark("runs the server and the accounts; sees no recording"),
}
FAULTS: dict[RoleFault, str] = {
    RoleFault.HELD_ALREADY: mark("This person has that role already."),
    RoleFault.NOT_HELD: mark("This person does not have that role any more."),
    RoleFault.NOT_OF_A_SITE: mark("That role is of the whole school. Please leave the site empty."),
    RoleFault.LAST_ADMIN: mark("Nobody else is an administrator. Please make another person one first."),
    RoleFault.LAST_ROLE: mark("It is this person’s only role. Please give them another one first."),
    RoleFault.WARNING_UNREAD: mark(
        "These two roles should not be one person’s. Please read the warning, then confirm it."
    ),
}
WARNING = mark(
    "Whoever evaluates teachers should not run the server as well: an administrator’s hands reach the keys that open "
    "recordings. If you give both roles to one person, it is written down, and that person’s page shows it."
)
