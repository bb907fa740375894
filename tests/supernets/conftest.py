import sys
from pathlib import Path

# Modules beside the tests are shared by them.
sys.path.insert(0, str(Path(__file__).parent))
