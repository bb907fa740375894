import copy
import hashlib
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import onnx
import pytest

import egraph
from egraph import Architecture
from egraph.errors import MissingExtraError, ModelError, OutOfDistributionWarning, UsageError
from egraph.export import OnnxRanker
from egraph.export._padding import split_runs


def test_it_is_the_same_fitness(ranker, file, sampled):
    graphs = sampled[0]
    assert file(graphs) == pytest.approx(ranker(graphs), abs=1e-5)
    score, deviation = file.predict(graphs, return_std=True)
    expected, spread = ranker.predict(graphs, return_std=True)
    assert score == pytest.approx(expected, abs=1e-5)
    assert deviation == pytest.approx(spread, abs=1e-5)
    ends = np.stack(ranker.intervals(graphs, 0.9))
    assert np.stack(file.intervals(graphs, 0.9)) == pytest.approx(ends, abs=1e-5)


def test_one_pass_tells_everything(ranker, file, sampled):
    found = file.assess(sampled[0], 0.5)
    lower, upper = ranker.intervals(sampled[0], 0.5)
    assert found.score == pytest.approx(ranker(sampled[0]), abs=1e-5)
    assert found.lower == pytest.approx(lower, abs=1e-5)
    assert found.upper == pytest.approx(upper, abs=1e-5)


def test_it_says_where_it_comes_from(ranker, file):
    assert file.space == "nasbench201"
    assert file.card["note"] == "ä test"
    assert file.trials == 40
    assert file.largest == ranker.largest_
    assert file.coverage == pytest.approx(ranker.coverage_, nan_ok=True)


def test_a_batch_is_scored_as_its_parts(file, sampled):
    """Whatever else is in the batch: a graph is padded by its own size, not by that of its company."""
    graphs = [*sampled[0], *(_chain(n) for n in (2, 3, 30, 64))]
    whole = file(graphs)
    assert np.concatenate([file([a]) for a in graphs]) == pytest.approx(whole, abs=1e-6)
    assert file(iter(graphs)) == pytest.approx(whole, abs=1e-6)
    assert file.predict(file.encode(sampled[0])) == pytest.approx(whole[:40], abs=1e-6)


def test_nothing_is_scored_as_nothing(file):
    assert file([]).shape == (0,)
    assert file.compare([], []).shape == (0, 3)
    assert file.assess([]).upper.shape == (0,)


def test_the_number_of_threads_changes_nothing(path, sampled):
    graphs = sampled[0] * 10
    assert OnnxRanker(path, threads=1)(graphs) == pytest.approx(OnnxRanker(path, threads=3)(graphs), abs=1e-5)


def test_several_threads_may_call_it(file, sampled):
    expected, found = file(sampled[0]), []
    threads = [threading.Thread(target=lambda: found.append(file(sampled[0]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(scores == pytest.approx(expected, abs=1e-5) for scores in found)
    assert len(found) == 8


def test_large_graphs_go_in_small_runs():
    sizes = np.array([64] * 40 + [4] * 100 + [1000])
    runs = list(split_runs(sizes, 1 << 16))
    assert sorted(np.concatenate(runs).tolist()) == list(range(141))
    assert all(len(rows) * sizes[rows].max() ** 2 <= 1 << 16 or len(rows) == 1 for rows in runs)
    assert len(runs[0]) >= 100


def test_a_warning_tells_of_what_training_lacked(file):
    with pytest.warns(OutOfDistributionWarning, match="30 vertices, where 8 was the most"):
        file.predict([_chain(30)])
    file([_chain(30)])


def test_pairs_must_be_of_one_length(file, sampled):
    with pytest.raises(UsageError, match="compare takes pairs, got 2 and 1 architectures"):
        file.compare(sampled[0][:2], sampled[0][:1])


def test_a_level_is_a_probability(file, sampled):
    with pytest.raises(UsageError, match=r"level must be between 0 and 1, got 1\.5"):
        file.intervals(sampled[0], 1.5)
    with pytest.raises(UsageError, match="level must be between 0 and 1, got nan"):
        file.assess(sampled[0], float("nan"))


def test_a_forked_process_may_call_it(path, sampled, call_forked):
    ranker = OnnxRanker(path, threads=2)
    expected = ranker(sampled[0])  # its threads are not copied
    assert call_forked(lambda: ranker(sampled[0])) == pytest.approx(expected, abs=1e-6)
    assert ranker(sampled[0]) == pytest.approx(expected, abs=1e-6)


def test_it_can_be_sent_to_other_processes(path, sampled, tmp_path):
    moved = tmp_path / "moved.onnx"
    moved.write_bytes(path.read_bytes())
    ranker = OnnxRanker(moved, threads=1)
    moved.unlink()  # another machine lacks it too
    for copied in (pickle.loads(pickle.dumps(ranker)), copy.deepcopy(ranker)):
        assert copied(sampled[0]) == pytest.approx(ranker(sampled[0]), abs=1e-6)
        assert copied.describe() == ranker.describe() == {"file": "moved.onnx", "sha256": _digest(path)}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        scores = pool.apply_async(ranker, (sampled[0],)).get(timeout=60)
    assert scores == pytest.approx(ranker(sampled[0]), abs=1e-6)


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_may_not_be_read_is_told(path, tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(ModelError, match=r"cannot read .*r\.onnx: Permission denied"):
        OnnxRanker(path)


def test_threads_are_positive(path):
    with pytest.raises(UsageError, match="threads must be a whole number of at least 1, got 0"):
        OnnxRanker(path, threads=0)


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"no ranker at .*: there is no such file"):
        OnnxRanker(tmp_path / "absent.onnx")


def test_a_cut_file_is_refused(path, tmp_path):
    short = tmp_path / "short.onnx"
    short.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="is damaged or no ONNX file"):
        OnnxRanker(short)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "is an ONNX file, but no ranker of egraph"),
        ("{", "its description cannot be read"),
        ("[]", "its description cannot be read"),
        ('{"schema": 1}', "its description is incomplete"),
        ('{"schema": 99, "egraph": "9.0"}', r"written by a newer egraph \(9\.0, schema 99\)"),
    ],
)
def test_a_foreign_description_is_refused(path, tmp_path, text, told):
    model = onnx.load(path)
    del model.metadata_props[:]
    if text is not None:
        entry = model.metadata_props.add()
        entry.key, entry.value = "egraph", text
    onnx.save(model, tmp_path / "r.onnx")
    with pytest.raises(ModelError, match=told):
        OnnxRanker(tmp_path / "r.onnx")


@pytest.mark.parametrize("change", [{"card": "a"}, {"largest": 1e400}, {"trials": None}])
def test_a_description_of_other_values_is_refused(path, tmp_path, change):
    model = onnx.load(path)
    (entry,) = model.metadata_props
    entry.value = json.dumps(json.loads(entry.value) | change)
    onnx.save(model, tmp_path / "r.onnx")
    with pytest.raises(ModelError, match="is damaged: its description is incomplete"):
        OnnxRanker(tmp_path / "r.onnx")


def test_a_graph_without_an_output_is_refused(path, tmp_path):
    model = onnx.load(path)
    del model.graph.output[:1]
    onnx.save(model, tmp_path / "r.onnx")
    with pytest.raises(ModelError, match=r"r\.onnx is damaged: it has no output score"):
        OnnxRanker(tmp_path / "r.onnx")


def test_a_graph_that_does_not_fit_its_description_is_refused(path, tmp_path, sampled):
    """Without the names of operations, arrays are narrower than the graph takes."""
    model = onnx.load(path)
    (entry,) = model.metadata_props
    about = json.loads(entry.value)
    entry.value = json.dumps(about | {"names": False})
    onnx.save(model, tmp_path / "r.onnx")
    with pytest.raises(ModelError, match=r"r\.onnx is damaged, or does not fit its description: .*vertices"):
        OnnxRanker(tmp_path / "r.onnx")(sampled[0])


def test_a_description_that_is_not_utf_8_is_refused(path, tmp_path):
    content = path.read_bytes()
    place = content.rindex(b'"vocabulary"')
    (tmp_path / "r.onnx").write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    with pytest.raises(ModelError, match=r"r\.onnx is damaged: its description cannot be read"):
        OnnxRanker(tmp_path / "r.onnx")


def test_nothing_is_printed_of_a_damaged_file(path, tmp_path, capfd):
    content = path.read_bytes()
    place = content.index(b"member_mean") if b"member_mean" in content else content.index(b"vertices")
    (tmp_path / "r.onnx").write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    with pytest.raises(ModelError, match="is damaged or no ONNX file"):
        OnnxRanker(tmp_path / "r.onnx")
    assert capfd.readouterr() == ("", "")


def test_without_onnxruntime_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'egraph\[onnx-runtime\]'"):
        OnnxRanker(path)


ALONE = """
import sys
class Refuse:
    allowed = {"numpy", "onnxruntime", "egraph", *sys.stdlib_module_names}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self.allowed and not name.startswith("_"):
            raise ImportError(f"{name} is not to be had here")
sys.meta_path.insert(0, Refuse())
import egraph
from egraph.export import OnnxRanker
space = egraph.spaces.get("nasbench201")
print(OnnxRanker(sys.argv[1])([space.parse(sys.argv[2])])[0])
"""
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|avg_pool_3x3~2|"


def test_it_needs_numpy_and_onnxruntime_alone(path, ranker):
    command = [sys.executable, "-c", ALONE, str(path), CELL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cell = egraph.spaces.get("nasbench201").parse(CELL)
    assert float(done.stdout) == pytest.approx(float(ranker([cell])[0]), abs=1e-5)


def test_onnxruntime_reports_to_nobody(path, tmp_path):
    """Its telemetry makes files in the home, and asks for the address of its maker, once it is loaded."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", ALONE, str(path), CELL]
    subprocess.run(command, env={**environment, "HOME": str(tmp_path)}, capture_output=True, check=True)
    assert list(tmp_path.rglob("*")) == []


def _chain(vertices):
    names = ["nor_conv_3x3", "avg_pool_3x3"]
    ops = ["input", *(names[k % 2] for k in range(vertices - 2)), "output"]
    return Architecture(ops, [(v, v + 1) for v in range(vertices - 1)])
