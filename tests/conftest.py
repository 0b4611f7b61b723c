"""What holds for all tests: none fails because the machine is busy with other things."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "patient", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
