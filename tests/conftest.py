"""What all tests share: how many examples hypothesis tries."""

import os

from hypothesis import HealthCheck, settings

# `test` draws the same examples on every run; `fuzz` (script/campaign) draws fresh ones, and many.
settings.register_profile("test", max_examples=100, derandomize=True, deadline=None)
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "10000")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))
