import sys
from pathlib import Path

# Worker processes must be able to import what the tests evaluate with.
sys.path.insert(0, str(Path(__file__).parent))
