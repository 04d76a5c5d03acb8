"""What holds for all tests: property tests judge what is true, never how long it took on a busy machine."""

from hypothesis import HealthCheck, settings

settings.register_profile("backrow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("backrow")
