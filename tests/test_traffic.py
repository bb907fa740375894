"""Nothing connects to another machine, asks for a name, or leaves a file outside of what was asked for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

USE = """
import socket, subprocess, sys, time
import numpy as np
from click.testing import CliRunner
import egraph
from egraph import report
from egraph.cli.main import main
from egraph.evaluation import Recipe, Training
from egraph.export import OnnxRanker

space, rng = egraph.spaces.get("nasbench201"), np.random.default_rng(0)
cells = [space.sample(rng) for _ in range(20)]
ranker = egraph.Ranker(members=1, width=8, epochs=1, folds=0).fit(cells, rng.normal(size=20))
ranker.to_onnx("r.onnx")
OnnxRanker("r.onnx")(cells)
convnets = egraph.spaces.get("convnet")
training = Training(convnets, "digits", Recipe(epochs=1, channels=2), device="cpu")
with egraph.Study(convnets, training, storage="x.db", ranker=False) as study:
    study.run(trials=2)
report.write("x.db", "x.html")
measured = {"acc": np.arange(20.0)}, {"acc": egraph.datasets.Metric()}
egraph.datasets.Table(space, cells, *measured).save("t.parquet")
for line in (
    "train --data t.parquet --samples 15 --out c.egraph",
    "search --data t.parquet --trials 3 --initial 2 --no-ranker --no-baseline --workers 2 --storage c.db",
    "export c.egraph c.onnx",
    "export x.db best --network",
):
    done = CliRunner().invoke(main, line.split())
    assert done.exit_code == 0, done.output
bare = (
    "import sys; sys.modules['egraph'] = None; sys.path.insert(0, 'best');"
    "import network; network.load();"
    "import os; os.environ['ORT_DISABLE_TELEMETRY'] = '1';"
    "import onnxruntime; onnxruntime.InferenceSession('best/network.onnx')"
)
subprocess.run([sys.executable, "-c", bare], check=True)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
served = subprocess.Popen([sys.executable, "-m", "egraph", "serve", "r.onnx", "--port", str(port)])
try:
    egraph.fitness(f"http://127.0.0.1:{port}", retries=9)(cells[:2])
finally:
    served.terminate()
    assert served.wait(60) == 0
"""

HOOK = """
import os, sys
def note(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(f"{event} {args[1:] if event in ('socket.connect', 'socket.sendto') else args}\\n")
sys.addaudithook(note)
"""


@pytest.fixture
def place(tmp_path):
    """Folders for the home, temporary files, the work and a hook that every Python process loads."""
    for name in ("home", "tmp", "work", "hook"):
        (tmp_path / name).mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    return tmp_path


def test_only_this_machine_is_spoken_to_and_only_files_that_were_asked_for_stay(place):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "PYTHONPATH": str(place / "hook"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "NOTES": str(place / "notes"),
    }
    command = [sys.executable, "-c", USE]
    traced = shutil.which("strace") is not None
    if traced:  # sees what compiled libraries do, too
        what = ["-qq", "-e", "trace=connect,sendto", "-o", str(place / "calls")]
        command = ["strace", "-f", "--seccomp-bpf", *what, *command]
    done = subprocess.run(
        command, cwd=place / "work", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = (place / "notes").read_text().splitlines()
    foreign = [line for line in told if not re.search(r"'(127\.0\.0\.1|localhost|::1)'", line)]
    assert told, "the hook was loaded, and saw the client"
    assert foreign == []
    if traced:
        calls = (place / "calls").read_text().splitlines()
        internet = [line for line in calls if "AF_INET" in line and "127.0.0.1" not in line]
        assert internet == []
    assert {path.name for path in (place / "work").iterdir()} - {
        f"{study}.db{end}" for study in "xc" for end in ("-wal", "-shm", ".lock")
    } == {
        "best",
        "c.best.json",
        "c.db",
        "c.egraph",
        "c.egraph.md",
        "c.html",
        "c.onnx",
        "r.onnx",
        "t.parquet",
        "x.db",
        "x.html",
    }
    assert [path for path in (place / "tmp").rglob("*") if path.is_file()] == []
    home = place / "home"
    left = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    assert [path for path in left if Path(path).parent.name != "matplotlib"] == [], "its list of fonts stays"
