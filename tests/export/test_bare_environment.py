import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_a_new_environment_with_numpy_and_onnxruntime_scores_a_file(path):
    command = [sys.executable, str(ROOT / "benchmarks" / "bare_environment.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert any(line.startswith("installed in all") for line in told)
    assert any(line.startswith("import: numpy") for line in told)
    assert told[-1].startswith("score: ")
    assert not any(line.startswith(("torch", "scipy", "pandas", "scikit")) for line in told)
