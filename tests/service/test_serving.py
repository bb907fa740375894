"""The service in processes of its own: it starts, survives, changes its ranker, and ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from asking import CELL, GRAPH, Process, until

from egraph.errors import FailedError, ModelError
from egraph.service import serve

ASKED = {"architectures": [CELL, GRAPH]}


@pytest.fixture(scope="module")
def second(file, ranker, cells, tmp_path_factory):
    """Another ranker: what was good is bad."""
    from egraph import Ranker

    path = tmp_path_factory.mktemp("second") / "second.onnx"
    scores = [-a.ops.count("nor_conv_3x3") for a in cells]
    other = Ranker(**{**ranker.get_params(), "epochs": 2}).fit(cells, scores)
    other.card_ = {"space": "nasbench201"}
    other.to_onnx(path)
    return path


class Load:
    """Asks without a pause, in threads, until it is told to stop."""

    def __init__(self, process, threads=2):
        self.answers, self.failures = [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(process,)) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self, process):
        while not self._stop.is_set():
            try:
                time.sleep(0.01)
                status, body = process.ask("/v1/score", ASKED)
                self.answers.append((status, json.loads(body)["model"]["version"] if status == 200 else None))
            except OSError as error:
                self.failures.append(error)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def memory(number):
    """Resident megabytes of a process."""
    line = next(x for x in Path(f"/proc/{number}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def test_two_workers_answer_survive_reload_and_end(file, second, tmp_path):
    """One life of a service, as to start one takes seconds."""
    path = tmp_path / "current.onnx"
    shutil.copyfile(file, path)
    with Process(path, "--port", 0, "--workers", 2, "--max-vertices", 20, cwd=tmp_path) as process:
        # One line, with the port that was found.
        assert process.line == f"egraph: serving {path} at {process.address}\n"
        assert int(process.address.rpartition(":")[2]) > 0
        assert process.ask("/readyz") == (200, b'{"status":"ok"}')
        assert json.loads(process.ask("/v1/model")[1])["limits"]["vertices"] == 20
        workers = process.workers()
        assert len(workers) == 2

        # No worker has PyTorch.
        for worker in workers:
            assert "libtorch" not in Path(f"/proc/{worker}/maps").read_text()
            assert memory(worker) < 400

        # A worker that is killed is replaced, and the sums of the metrics remain.
        for _ in range(20):
            assert process.ask("/v1/score", ASKED)[0] == 200
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: len(process.workers()) == 2 and workers[0] not in process.workers())
        until(lambda: any(line["event"] == "a worker died" for line in process.log()))
        assert process.ask("/v1/score", ASKED)[0] == 200
        metrics = process.ask("/metrics")[1].decode().splitlines()
        assert 'egraph_architectures_total{route="/v1/score"} 42.0' in metrics

        # Another ranker takes over under load, and no request is dropped.
        version = json.loads(process.ask("/v1/score", ASKED)[1])["model"]["version"]
        load = Load(process)
        time.sleep(0.3)
        shutil.copyfile(second, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        process.send(signal.SIGHUP)
        until(lambda: load.answers and load.answers[-1][1] != version)
        time.sleep(1.0)
        load.stop()
        assert load.failures == []
        assert {status for status, _ in load.answers} == {200}
        assert len({found for _, found in load.answers}) == 2
        assert any(line["event"] == "reloaded" for line in process.log())
        versions = {json.loads(process.ask("/v1/score", ASKED)[1])["model"]["version"] for _ in range(20)}
        assert version not in versions

        # A file that is broken is not taken.
        current = json.loads(process.ask("/v1/model")[1])["version"]
        path.write_bytes(b"no ranker")
        process.send(signal.SIGHUP)
        until(lambda: any(line["event"] == "kept the old ranker" for line in process.log()))
        assert json.loads(process.ask("/v1/score", ASKED)[1])["model"]["version"] == current

        # It ends under load, in good order, and leaves no process.
        before, load = process.workers(), Load(process)
        time.sleep(0.3)
        code, seconds = process.end()
        load.stop()
        assert (code, {status for status, _ in load.answers}) == (0, {200})
        assert seconds < 15
        assert not any(Path(f"/proc/{worker}").exists() for worker in before)
        assert process.process.stdout.read() == ""
        assert all(line["event"] != "failed" for line in process.log())


def test_a_ranker_of_pytorch_behind_a_token(ranker, tmp_path):
    ranker.save(tmp_path / "r.egraph", {"space": "nasbench201"})
    (tmp_path / "token").write_text("secret\n")
    arguments = ("r.egraph", "--host", "0.0.0.0", "--port", 0, "--token-file", "token", "--log-requests")
    with Process(*arguments, cwd=tmp_path) as process:
        process.address = process.address.replace("0.0.0.0", "127.0.0.1")
        assert process.ask("/v1/score", ASKED)[0] == 401
        assert process.ask("/v1/score", ASKED, token="secret")[0] == 200
        (worker,) = process.workers()
        assert "libtorch" not in Path(f"/proc/{worker}/maps").read_text()
        assert "libtorch" not in Path(f"/proc/{process.process.pid}/maps").read_text()

        # Workers do not outlive a parent that is killed.
        process.process.kill()
        process.process.wait()
        until(lambda: not Path(f"/proc/{worker}").exists())
        assert "secret" not in process.errors.read_text()
        assert [line["status"] for line in process.log()] == [401, 200]


def test_what_is_no_ranker_is_not_served(tmp_path):
    (tmp_path / "r.onnx").write_bytes(b"noise")
    with Process("r.onnx", "--port", 0, cwd=tmp_path) as process:
        assert process.process.wait(30) == 1
    text = process.errors.read_text()
    assert text.startswith("egraph: ")
    assert text.count("\n") == 1


def test_a_ranker_that_is_absent_is_not_served(tmp_path):
    with pytest.raises(ModelError, match=r"cannot read .*r.onnx: No such file"):
        serve(tmp_path / "r.onnx", port=0)


def test_an_address_that_is_taken_is_refused(file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FailedError, match=f"cannot listen at 127.0.0.1 port {port}: .*; choose another"):
            serve(file, port=port)


def test_a_service_starts_without_pytorch():
    """Neither the parent, nor what makes the application, imports it."""
    code = "import sys, egraph.service._serving, egraph.service._working; sys.exit('torch' in sys.modules)"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
