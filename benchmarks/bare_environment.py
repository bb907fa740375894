"""Measures an environment with only NumPy and onnxruntime: its size and the import time of the runtime.

    python benchmarks/bare_environment.py [ranker.onnx]

Creates the environment in a temporary folder, installs egraph there without its dependencies, and scores an
architecture with the given file, if any.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("numpy", "onnxruntime")

IMPORT = """
import time
import egraph  # switches off the telemetry of onnxruntime
begin = time.perf_counter()
import numpy
numpy_done = time.perf_counter()
import onnxruntime
onnxruntime_done = time.perf_counter()
from egraph.export import OnnxRanker
print(f"import: numpy {1e3 * (numpy_done - begin):.0f} ms, "
      f"onnxruntime {1e3 * (onnxruntime_done - numpy_done):.0f} ms, "
      f"OnnxRanker {1e3 * (time.perf_counter() - onnxruntime_done):.0f} ms")
"""
SCORE = """
import sys, numpy, egraph
from egraph.export import OnnxRanker
ranker = OnnxRanker(sys.argv[1])
space = egraph.spaces.get(ranker.space or "nasbench201")
architecture = space.sample(numpy.random.default_rng(0))
print(f"score: {ranker([architecture])[0]:.6f} of {space.format(architecture)}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("ranker", nargs="?", help="exported ranker, which scores one architecture")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        where = [python, "-c", "import site; print(site.getsitepackages()[0])"]
        site = Path(subprocess.check_output(where, text=True).strip())
        before = _size(site)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*install, *constraints, *PACKAGES], check=True)
        # A copy, because a build writes files next to the sources.
        source = Path(folder, "source")
        shutil.copytree(ROOT, source, symlinks=True, ignore=shutil.ignore_patterns(".*", "build", "runs"))
        subprocess.run([*install, "--no-deps", str(source)], check=True)
        for name in sorted(path.name for path in site.iterdir() if path.is_dir()):
            if not name.endswith(".dist-info") and (mega := _size(site / name) / 1e6) > 1:
                print(f"{name:<20}{mega:8.1f} MB")
        print(f"{'installed in all':<20}{(_size(site) - before) / 1e6:8.1f} MB")
        for _ in range(2):  # the first run compiles bytecode
            told = subprocess.check_output([python, "-c", IMPORT], cwd=folder, text=True)
        print(told, end="")
        if args.ranker:
            command = [python, "-c", SCORE, str(Path(args.ranker).absolute())]
            print(subprocess.check_output(command, cwd=folder, text=True), end="")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
