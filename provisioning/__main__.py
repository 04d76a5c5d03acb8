"""`python -m provisioning` is the `backrow` command."""

from provisioning.cli import main

main(prog_name="backrow")
