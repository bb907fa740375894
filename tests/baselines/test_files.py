import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

import egraph
from egraph.baselines import BRPNAS, Boosting, Forest, XGBoost
from egraph.errors import FailedError, MissingExtraError, ModelError, UsageError


@pytest.fixture(scope="module")
def forest(toy_data):
    return Forest(trees=5).fit(toy_data[0][:30], toy_data[1][:30])


def rewrite(path, **changes):
    """Changes the header of a file, or drops the tensors whose new value is None."""
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()["egraph rival"])
        tensors = {name: file.get_tensor(name) for name in file.keys() if name not in changes}  # noqa: SIM118
    content |= {name: value for name, value in changes.items() if value is not None}
    save_file(tensors, path, metadata={"egraph rival": json.dumps(content)})


def test_another_process_with_other_threads_predicts_the_same(toy_data, tmp_path):
    """And without anybody having registered the operations there."""
    graphs, scores = toy_data
    models = [
        BRPNAS(width=16, epochs=5).fit(graphs[:30], scores[:30]),
        Boosting(trees=5).fit(graphs[:30], scores[:30]),
    ]
    files = []
    for number, model in enumerate(models):
        files.append(str(tmp_path / f"{number}.egraph"))
        model.save(files[-1])
    lines = tmp_path / "graphs.jsonl"
    lines.write_text("\n".join(a.to_json() for a in graphs))
    program = (
        "import sys, json, torch, egraph; torch.set_num_threads(2);"
        "graphs = [egraph.Architecture.from_json(line) for line in open(sys.argv[1])];"
        "print(json.dumps([egraph.load(path).predict(graphs).tolist() for path in sys.argv[2:]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(lines), *files],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    for model, predicted in zip(models, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(predicted, model.predict(graphs), atol=1e-6)


def test_a_card_is_kept_until_another_is_given(forest, tmp_path):
    path = tmp_path / "f.egraph"
    forest.save(path, card={"data": "toys"})
    assert forest.card == {"data": "toys"}
    egraph.load(path).save(path)
    assert egraph.load(path).card == {"data": "toys"}
    with pytest.raises(UsageError, match="a model card holds JSON values only"):
        forest.save(path, card={"data": object()})
    assert egraph.load(path).card == {"data": "toys"}


def test_parameters_come_back(forest, tmp_path):
    forest.save(tmp_path / "f.egraph")
    assert egraph.load(tmp_path / "f.egraph").get_params() == forest.get_params()


def test_a_file_from_the_future_is_refused(forest, tmp_path):
    forest.save(tmp_path / "f.egraph")
    rewrite(tmp_path / "f.egraph", schema=99)
    with pytest.raises(ModelError, match=r"written by a newer egraph .*schema 99.*update egraph"):
        egraph.load(tmp_path / "f.egraph")


@pytest.mark.parametrize("damage", [{"rival": "Prophet"}, {"parameters": {"age": 3}}, {"scores": None}])
def test_a_file_whose_parts_do_not_fit_is_refused(forest, tmp_path, damage):
    forest.save(tmp_path / "f.egraph")
    rewrite(tmp_path / "f.egraph", **damage)
    with pytest.raises(ModelError, match="is damaged: its parts do not fit together"):
        egraph.load(tmp_path / "f.egraph")


def test_weights_in_the_file_of_a_method_without_any_are_refused(forest, tmp_path):
    forest.save(tmp_path / "f.egraph")
    rewrite(tmp_path / "f.egraph", rival="MLP", parameters={"hidden": [4]})
    assert egraph.load(tmp_path / "f.egraph").hidden == [4]  # no weights: fitted again
    BRPNAS(width=4, epochs=1).fit(*forest.training_).save(tmp_path / "g.egraph")
    rewrite(tmp_path / "g.egraph", rival="Forest", parameters={"trees": 2})
    with pytest.raises(ModelError, match="weights of a method that has none"):
        egraph.load(tmp_path / "g.egraph")


def test_a_path_that_cannot_be_written_is_named(forest, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FailedError, match="cannot write"):
        forest.save(tmp_path / "file" / "f.egraph")


def test_without_xgboost_the_extra_is_named(toy_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(MissingExtraError, match=r"this needs xgboost: pip install 'egraph\[boost\]'"):
        XGBoost().fit(toy_data[0][:5], toy_data[1][:5])
