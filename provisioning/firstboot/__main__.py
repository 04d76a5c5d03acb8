"""`python3 -m provisioning.firstboot`: goes on with the first boot where it was cut; status 1 asks to be repeated."""

import sys

from provisioning.firstboot.machine import Machine
from provisioning.firstboot.running import run

sys.exit(run(Machine()))
