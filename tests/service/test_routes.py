"""What each address answers."""

import json
import math

import numpy as np
import pytest
from asking import CELL, GRAPH

from egraph import Architecture, operations, spaces
from egraph.errors import OutOfDistributionWarning
from egraph.operations import Operation, name_by_description

OTHER = CELL.replace("avg_pool_3x3", "nor_conv_3x3")
MATRIX = {"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}


def scores_of(client, *architectures, **fields):
    answer = client.post("/v1/score", {"architectures": list(architectures), **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_scores_are_those_of_the_ranker(client, model, cells):
    rows = model.ranker.assess(cells, level=0.5)
    answer = scores_of(client, *(a.to_dict() for a in cells), level=0.5)
    for name, column in (("scores", 0), ("deviations", 1), ("lower", 2), ("upper", 3)):
        np.testing.assert_allclose(answer[name], rows[column], atol=1e-6)
    assert answer["model"] == {"name": "r", "version": "0123456789abcdef"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/"])
def test_load_balancers_may_ask_without_a_body(client, path):
    answer = client.request("HEAD", path)
    assert (answer.status_code, answer.headers["content-type"]) == (
        200,
        client.get(path).headers["content-type"],
    )


def test_one_architecture_may_be_written_in_each_form(client):
    cell = spaces.get("nasbench101").parse("010/001/000 maxpool3x3")
    answer = scores_of(client, MATRIX, cell.to_dict())
    assert answer["scores"][0] == pytest.approx(answer["scores"][1], abs=1e-6)
    answer = scores_of(client, CELL, spaces.get("nasbench201").parse(CELL).to_dict())
    assert answer["scores"][0] == pytest.approx(answer["scores"][1], abs=1e-6)


def test_the_cells_of_darts_may_be_a_genotype_in_text_or_json(client):
    space = spaces.get("darts")
    given = space.sample(np.random.default_rng(0))
    text, genotype = space.format(given), space.to_genotype(given)
    answer = scores_of(client, given.to_dict(), text, genotype)
    assert answer["scores"] == pytest.approx([answer["scores"][0]] * 3, abs=1e-6)
    drawn = client.post("/v1/draw", {"architecture": genotype}).json()
    assert (drawn["text"], drawn["architecture"]) == (text, given.to_dict())


@pytest.mark.parametrize(
    ("given", "space", "text"),
    [
        (
            {"module_adjacency": MATRIX["matrix"], "module_operations": MATRIX["ops"], "training_time": 9.5},
            None,
            "010/001/000 maxpool3x3",
        ),
        (str(MATRIX), None, "010/001/000 maxpool3x3"),
        ("(4, 1, 0, 2, 3, 1)", "nasbench201", CELL),
        (
            "X = Genotype(normal={0}, reduce={0})".format([("skip_connect", 0), ("skip_connect", 1)] * 4),
            None,
            "",
        ),
    ],
)
def test_notations_of_other_programs_are_read(client, given, space, text):
    drawn = client.post("/v1/draw", {"architecture": given, **({"space": space} if space else {})}).json()
    if text != CELL:
        assert drawn["text"].startswith(text or "Genotype(normal=[('skip_connect', 0)")
    else:
        assert drawn["text"].startswith("|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|")
    assert drawn["architecture"]["ops"][0] == "input"


def test_a_string_may_be_of_the_space_that_the_request_names(client):
    text = "010/001/000 maxpool3x3"
    assert scores_of(client, text, space="nasbench101") | {"model": 0} == scores_of(client, MATRIX) | {
        "model": 0
    }


def test_without_a_level_intervals_are_those_of_80_percent(client):
    assert scores_of(client, CELL) == scores_of(client, CELL, level=0.8)
    assert scores_of(client, CELL) == scores_of(client, CELL, level=None)


def test_level_0_gives_scores_without_intervals(client):
    answer = scores_of(client, CELL, level=0)
    assert answer["scores"] == pytest.approx(scores_of(client, CELL)["scores"], abs=1e-6)
    assert answer["deviations"] == answer["lower"] == answer["upper"] == [None]


def test_what_training_lacked_is_told(client):
    chain = Architecture(["input", *["nor_conv_3x3"] * 9, "output"], [(i, i + 1) for i in range(10)])
    unknown = {"ops": ["input", "sep_conv_3x3.16", "output"], "edges": [[0, 1], [1, 2]]}
    answer = scores_of(client, CELL, chain.to_dict(), unknown)
    assert answer["unfamiliar"] == [
        None,
        "11 vertices, more than the 8 in the training data",
        "operations missing from the training data: sep_conv_3x3.16",
    ]


def described(**answers):
    """A graph of one convolution that no space has, as builders and traced models have them."""
    wide = name_by_description(Operation("wide conv", "conv", kernel=7, groups=2))
    graph = {"ops": ["input", wide.name, "output"], "edges": [[0, 1], [1, 2]]}
    return graph | {"answers": answers, "operations": [wide.to_dict()]}


def test_operations_are_described_by_the_request_that_has_them_and_forgotten(client, ranker):
    graph = described(rate=0.1, sizes=[3, 5], deep=True, norm=None)
    name = graph["ops"][1]
    answer = scores_of(client, CELL, graph)
    with operations.lent([operations.read_description(graph["operations"][0])]):
        read = Architecture(graph["ops"], graph["edges"], (), graph["answers"])
        with pytest.warns(OutOfDistributionWarning, match="wide conv"):
            assert answer["scores"][1] == pytest.approx(ranker.predict([read])[0], abs=1e-4)
    assert answer["unfamiliar"][1] == f"operations missing from the training data: {name}"
    assert scores_of(client, json.dumps(graph))["scores"] == pytest.approx(answer["scores"][1:], abs=1e-6)
    pair = client.post("/v1/compare", {"pairs": [{"a": graph, "b": CELL}]}).json()
    assert sum(pair["probabilities"][0].values()) == pytest.approx(1, abs=1e-6)
    ranked = client.post("/v1/rank", {"architectures": [graph, CELL]}).json()
    assert sorted(each["index"] for each in ranked["ranking"]) == [0, 1]
    drawn = client.post("/v1/draw", {"architecture": graph}).json()
    assert drawn["architecture"] == graph
    assert not operations.is_known(name)
    bare = {field: graph[field] for field in ("ops", "edges")}
    assert client.post("/v1/score", {"architectures": [bare]}).status_code == 422


def test_what_vanishes_is_not_unfamiliar(client):
    """An identity outside of the training data is not part of the computation."""
    ops = ["input", *["skip_connect"] * 12, "nor_conv_3x3", "concat", "output"]
    chain = {"ops": ops, "edges": [[i, i + 1] for i in range(len(ops) - 1)]}
    assert scores_of(client, chain)["unfamiliar"] == [None]


def test_disabled_edges_may_be_sent(client):
    graph = {**GRAPH, "disabled": [[0, 2]]}
    assert scores_of(client, graph)["scores"] == scores_of(client, GRAPH)["scores"]


def test_compare_gives_probabilities_of_each_pair(client, model):
    a, b = (spaces.get("nasbench201").parse(text) for text in (CELL, OTHER))
    answer = client.post("/v1/compare", {"pairs": [{"a": CELL, "b": OTHER}, {"a": OTHER, "b": CELL}]}).json()
    expected = model.ranker.compare([a, b], [b, a])
    found = [[p["worse"], p["equal"], p["better"]] for p in answer["probabilities"]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_compare_takes_what_training_lacked(client):
    """The ranker warns of it, which is no failure."""
    unknown = {"ops": ["input", "sep_conv_3x3.16", "output"], "edges": [[0, 1], [1, 2]]}
    assert client.post("/v1/compare", {"pairs": [{"a": unknown, "b": CELL}]}).status_code == 200


def test_rank_gives_the_best_first(client, cells):
    texts = [spaces.get("nasbench201").format(a) for a in cells]
    scores = scores_of(client, *texts)["scores"]
    ranking = client.post("/v1/rank", {"architectures": texts, "top": 3}).json()["ranking"]
    assert [row["index"] for row in ranking] == sorted(range(60), key=lambda i: -scores[i])[:3]
    assert ranking[0]["score"] == max(scores)
    assert ranking[0]["lower"] < ranking[0]["score"] < ranking[0]["upper"]


def test_rank_gives_ten_unless_told_otherwise(client):
    assert len(client.post("/v1/rank", {"architectures": [CELL] * 20}).json()["ranking"]) == 10
    assert len(client.post("/v1/rank", {"architectures": [CELL] * 20, "top": 15.0}).json()["ranking"]) == 15


def test_neighbors_are_those_that_are_better(client):
    space = spaces.get("nasbench201")
    around = space.neighbors(space.parse(CELL))
    scores = scores_of(client, *(a.to_dict() for a in around))["scores"]
    answer = client.post("/v1/neighbors", {"architecture": CELL, "top": 2}).json()
    better = sorted((score for score in scores if score > answer["score"]), reverse=True)
    assert (answer["better"], answer["of"]) == (len(better), len(around))
    assert [n["score"] for n in answer["neighbors"]] == pytest.approx(better[:2], abs=1e-6)
    first = answer["neighbors"][0]
    assert first["gain"] == first["score"] - answer["score"] > 0
    assert space.parse(first["text"]).to_dict() == first["architecture"]
    assert answer["text"] == CELL


def test_a_form_that_is_of_one_space_needs_no_name_of_it(client):
    answer = client.post("/v1/neighbors", {"architecture": MATRIX}).json()
    assert answer["text"] == "010/001/000 maxpool3x3"
    assert answer["of"] == len(
        spaces.get("nasbench101").neighbors(spaces.get("nasbench101").parse(answer["text"]))
    )
    assert client.post("/v1/draw", {"architecture": MATRIX}).json()["text"] == answer["text"]


def test_an_architecture_that_is_not_of_the_space_has_no_neighbors(client):
    answer = client.post("/v1/neighbors", {"architecture": GRAPH})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/architecture"


def test_draw_gives_a_picture(client):
    answer = client.post("/v1/draw", {"architecture": CELL}).json()
    assert answer["svg"].startswith("<svg ")
    assert answer["text"] == CELL
    assert answer["architecture"] == spaces.get("nasbench201").parse(CELL).to_dict()


def test_what_is_of_no_space_has_no_text(client):
    assert client.post("/v1/draw", {"architecture": GRAPH}).json()["text"] is None


def test_a_picture_of_very_many_edges_is_refused(client):
    """Their layout would take minutes."""
    ops = ["input", *["nor_conv_3x3"] * 62, "output"]
    graph = {"ops": ops, "edges": [[i, j] for j in range(64) for i in range(j)]}
    answer = client.post("/v1/draw", {"architecture": graph})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/architecture/edges", "detail": "at most 400 edges can be drawn, got 2016"}
    ]


def test_the_model_is_described_with_the_limits(client, model):
    answer = client.get("/v1/model").json()
    assert answer["space"] == "nasbench201"
    assert answer["card"]["note"] == "a secret of the card"
    assert (answer["trials"], answer["largest"]) == (60, 8)
    assert answer["limits"] == {"body_bytes": 4 << 20, "architectures": 4096, "vertices": 128}
    assert {op["name"] for op in answer["vocabulary"]} >= {"input", "output", "nor_conv_3x3"}
    assert answer["coverage"] == {"0.5": None, "0.8": None, "0.95": None}  # no folds were held out
    assert set(answer["spaces"]) == set(spaces.names())


def test_the_limits_let_the_architectures_of_every_space_pass(client):
    rng = np.random.default_rng(0)
    for name in spaces.names():
        drawn = [spaces.get(name).sample(rng) for _ in range(5)]
        answer = scores_of(client, *(a.to_dict() for a in drawn))
        assert all(map(math.isfinite, answer["scores"]))
        texts = [spaces.get(name).format(a) for a in drawn]
        again = scores_of(client, *texts, space=name)
        assert again["scores"] == pytest.approx(answer["scores"], abs=1e-6)


def test_health_is_told(client):
    assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}


def test_requests_are_counted(start):
    client = start()
    scores_of(client, CELL, OTHER)
    client.post("/v1/score", b"[")
    client.get("/nowhere/with/a/secret")
    lines = client.get("/metrics").text.splitlines()
    assert 'egraph_requests_total{method="POST",route="/v1/score",status="200"} 1.0' in lines
    assert 'egraph_requests_total{method="POST",route="/v1/score",status="400"} 1.0' in lines
    assert 'egraph_requests_total{method="GET",route="other",status="404"} 1.0' in lines
    assert 'egraph_architectures_total{route="/v1/score"} 2.0' in lines
    assert "egraph_batch_items_sum 2.0" in lines
    assert "egraph_waiting_items 0.0" in lines


def test_each_answer_has_an_identity_and_the_headers_of_a_careful_page(client):
    one, other = client.get("/healthz"), client.get("/nowhere")
    assert one.headers["x-request-id"] != other.headers["x-request-id"]
    assert other.json()["request"] == other.headers["x-request-id"]
    for answer in (one, other):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_scores_are_the_same_in_whatever_batch(client, model):
    """Alone, among others of all sizes, and beside one that is padded to the largest."""
    rng = np.random.default_rng(1)
    mixed = [spaces.get(name).sample(rng).to_dict() for name in spaces.names() for _ in range(12)]
    together = scores_of(client, *mixed)
    for place in range(0, len(mixed), 7):
        alone = scores_of(client, mixed[place])
        for name in ("scores", "deviations", "lower", "upper"):
            assert alone[name][0] == pytest.approx(together[name][place], abs=1e-6)


def test_the_numbers_of_an_answer_are_json(client):
    """NaN, which is none, is null."""
    text = client.post("/v1/score", {"architectures": [CELL], "level": 0}).text
    assert "NaN" not in json.dumps(json.loads(text))
