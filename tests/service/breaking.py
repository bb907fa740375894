"""The benchmarks' way to break a service, for tests at a small size."""

import sys
from pathlib import Path

# Last, as names of that folder are also names of packages.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from loopback import bad_requests, faults, hammer
from loopback.served import Served

__all__ = ["Served", "bad_requests", "faults", "hammer"]
