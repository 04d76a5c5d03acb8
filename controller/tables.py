"""All tables together, for the migrations and the test that compares both. Importing it imports every room's models."""

from __future__ import annotations

from controller.accounts import models as _accounts
from controller.audit import models as _audit
from controller.bridge import models as _bridge
from controller.calendar import models as _calendar
from controller.claims import models as _claims
from controller.consent import models as _consent
from controller.db import Base
from controller.devices import models as _devices
from controller.disk import models as _disk
from controller.enrollment import models as _enrollment
from controller.epochs import models as _epochs
from controller.forms import models as _forms
from controller.masks import models as _masks
from controller.nights import models as _nights
from controller.people import models as _people
from controller.recordings import models as _recordings
from controller.roster import models as _roster
from controller.timetable import models as _timetable
from controller.uploads import models as _uploads

ROOMS = (
    *(_accounts, _audit, _bridge, _calendar, _devices, _disk, _enrollment, _epochs, _nights, _recordings, _uploads),
    *(_people, _roster, _timetable, _consent, _forms, _claims, _masks),
)
METADATA = Base.metadata
