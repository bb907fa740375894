"""The ranker that is part of the package."""

import json
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

import egraph
from egraph import spaces
from egraph.service import open_ranker


@pytest.fixture(scope="module")
def pretrained():
    return egraph.pretrained()


def test_the_file_is_small_and_tells_where_it_comes_from(pretrained):
    file = resources.files("egraph.ranker").joinpath("pretrained.egraph")
    assert len(file.read_bytes()) < 4_000_000
    assert pretrained.card["spaces"] == [
        "nasbench101",
        "nasbench201",
        "nasbench_macro",
        "mnasnet",
        "nasbench_graph",
    ]
    left_out = pretrained.card["kendall tau-b where the space was left out"]
    assert left_out.keys() == pretrained.groups_.keys()
    assert sum(pretrained.groups_.values()) == pretrained.n_trials_


def test_the_card_has_no_folder_of_the_machine_that_fitted_it(pretrained):
    read = [source["data"]["read from"] for source in pretrained.card["sources"]]
    assert all(name.endswith(".parquet") and "/" not in name for name in read)


@pytest.mark.parametrize(
    "name", ["nasbench101", "nasbench201", "nasbench_macro", "mnasnet", "darts", "convnet"]
)
def test_it_scores_known_and_new_spaces(pretrained, name):
    space, rng = spaces.get(name), np.random.default_rng(0)
    scores = pretrained([space.sample(rng) for _ in range(20)])
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 10


def test_it_knows_that_convolutions_help(pretrained):
    space = spaces.get("nasbench201")
    cells = [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        "|avg_pool_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|none~1|nor_conv_1x1~2|",
    ]
    good, bad = pretrained([space.parse(cell) for cell in cells])
    assert good > bad


def test_it_is_opened_by_its_name(pretrained):
    space, rng = spaces.get("nasbench201"), np.random.default_rng(0)
    graphs = [space.sample(rng) for _ in range(5)]
    assert (open_ranker("pretrained").predict(graphs) == pretrained.predict(graphs)).all()


def test_it_is_a_prior(pretrained, toy_data):
    graphs, scores = toy_data
    settings = {"members": 1, "width": 8, "epochs": 2, "seed": 0}
    ranker = egraph.Ranker(prior=pretrained, **settings).fit(graphs[:12], scores[:12])
    assert 0 <= ranker.prior_share_ <= 1
    assert np.isfinite(ranker.predict(graphs)).all()


def test_it_is_fetched_without_the_data_of_its_fit(tmp_path):
    code = "import json, egraph; print(json.dumps(egraph.pretrained().groups_))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["nasbench101:val_acc_108"] == 900
