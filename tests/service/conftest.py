import sys
from pathlib import Path

# Processes that the tests start must be able to import what lies beside them.
sys.path.insert(0, str(Path(__file__).parent))
