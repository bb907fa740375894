import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import egraph
from egraph.errors import FailedError, ModelError, UsageError
from egraph.ranker import Ranker, load


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "r.egraph", card={"data": "toys", "samples": 80})
    return tmp_path / "r.egraph"


def test_a_loaded_ranker_is_the_same(fitted, saved, toy_data):
    graphs = toy_data[0]
    again = load(saved)
    np.testing.assert_allclose(again.predict(graphs), fitted.predict(graphs), atol=1e-6)
    np.testing.assert_allclose(
        again.predict(graphs, return_std=True)[1], fitted.predict(graphs, return_std=True)[1]
    )
    np.testing.assert_allclose(
        again.compare(graphs[:9], graphs[9:18]), fitted.compare(graphs[:9], graphs[9:18])
    )
    np.testing.assert_allclose(again.features(graphs), fitted.features(graphs))
    assert again.get_params() == {**fitted.get_params(), "layers": again.layers, "readout": again.readout}
    assert again.n_trials_ == 80
    assert again.card == {"data": "toys", "samples": 80}


@pytest.mark.parametrize("fitted", ["pairwise"], indirect=True)
def test_another_process_with_other_threads_predicts_the_same(fitted, saved, toy_data, tmp_path):
    """And without anybody having registered the operations there."""
    lines = tmp_path / "graphs.jsonl"
    lines.write_text("\n".join(a.to_json() for a in toy_data[0]))
    program = (
        "import sys, json, torch, egraph; torch.set_num_threads(2);"
        "graphs = [egraph.Architecture.from_json(line) for line in open(sys.argv[2])];"
        "print(json.dumps(egraph.load(sys.argv[1]).predict(graphs).tolist()))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(saved), str(lines)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    np.testing.assert_allclose(json.loads(done.stdout), fitted.predict(toy_data[0]), atol=1e-6)


def test_egraph_load_is_the_same_function():
    assert egraph.load is load


def test_saving_again_keeps_the_card(saved, tmp_path):
    load(saved).save(tmp_path / "again.egraph")
    assert load(tmp_path / "again.egraph").card == {"data": "toys", "samples": 80}


def test_a_card_of_other_than_json_is_refused(fitted, tmp_path):
    with pytest.raises(UsageError, match="a model card holds JSON values only"):
        fitted.save(tmp_path / "r.egraph", card={"data": object()})
    with pytest.raises(UsageError, match="a model card holds JSON values only"):
        fitted.save(tmp_path / "r.egraph", card={"tau": float("nan")})
    assert not list(tmp_path.iterdir())


def test_an_unfitted_ranker_is_not_saved(tmp_path):
    with pytest.raises(UsageError, match="not fitted yet"):
        Ranker().save(tmp_path / "r.egraph")


def test_a_path_that_cannot_be_written_is_named(fitted, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match=r"cannot write .*r\.egraph"):
        fitted.save(tmp_path / "file" / "r.egraph")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no ranker at .*nowhere\.egraph: there is no such file"):
        load(tmp_path / "nowhere.egraph")


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(ModelError, match=r"r\.egraph is damaged or no ranker file"):
        load(saved)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and they are longer than a header could be")
    with pytest.raises(ModelError, match=r"notes\.txt is damaged or no ranker file"):
        load(path)


def test_tensors_of_something_else_are_refused(tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="holds tensors, but no egraph ranker"):
        load(tmp_path / "x.safetensors")


def _rewrite(path, change):
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        content = json.loads(file.metadata()["egraph ranker"])
    change(content, tensors)
    save_file(tensors, path, metadata={"egraph ranker": json.dumps(content)})


def test_a_newer_file_asks_for_an_update(saved):
    _rewrite(saved, lambda content, _: content.update(schema=99, egraph="9.9"))
    with pytest.raises(ModelError, match=r"written by a newer egraph \(9\.9, schema 99\).*update egraph"):
        load(saved)


def test_an_older_file_asks_for_another_fit(saved):
    _rewrite(saved, lambda content, _: content.update(schema=1, egraph="0.1.0"))
    with pytest.raises(ModelError, match=r"older egraph \(0\.1\.0, schema 1\).*fit the ranker again"):
        load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda content, _: content.pop("coverage"),
        lambda _, tensors: tensors.pop("calibration.ratios"),
        lambda content, _: content.pop("tie"),
        lambda content, _: content["parameters"].update(colour="red"),
        lambda content, _: content["parameters"].update(width=99),
        lambda content, _: content["parameters"].update(head="best"),
        lambda _, tensors: tensors.pop("network.embedding.weight"),
        lambda _, tensors: tensors.pop("scale.scores"),
        lambda content, _: content.update(parameters=[1, 2]),
        lambda content, _: content.update(parameters=None),
        lambda content, _: content.update(eps=None),
        lambda content, _: content.update(largest=1e400),
        lambda content, _: content.update(tie=[[]]),
        lambda content, _: content.update(steepness=[1, 2]),
        lambda content, _: content.update(card="a"),
        lambda content, _: content["vocabulary"][0].update(name=None),
        lambda content, _: content["vocabulary"][0].update(kernel="3"),
        lambda _, tensors: tensors.update({"scale.quantiles": tensors["scale.quantiles"][:0]}),
        lambda _, tensors: tensors.update({"companion.inputs": tensors["companion.inputs"][:, :2].clone()}),
        lambda _, tensors: tensors["companion.feature"].fill_(10**6),
        lambda _, tensors: tensors["companion.children"].fill_(-1),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(saved, change):
    _rewrite(saved, change)
    with pytest.raises(ModelError, match=r"r\.egraph is damaged: its parts do not fit together"):
        load(saved)


def test_files_keep_the_names_of_version_0_1(saved):
    with safe_open(saved, framework="pt") as file:
        content = json.loads(file.metadata()["egraph ranker"])
    assert content["parameters"]["companion"] == "gaussian-process+trees"
    assert {"noise", "process_sd", "trees_sd"} < set(content["companion"])
