"""The spool: the unit's folder of sealed segments and signed manifests, one folder a recording."""
