"""The page's model of a graph and its layout, run in a browser without a service."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browsing import open_browser

STATIC = Path(__file__).parents[2] / "egraph" / "service" / "static"
CHAIN = {"ops": ["input", "a", "b", "output"], "edges": [[0, 1], [1, 2], [2, 3]]}


# Seconds for the layout of a graph in which each vertex feeds all later ones.
TIME = """() => void (known.time = (n) => {
  const edges = Array.from({length: n}, (_, j) => Array.from({length: j}, (_, i) => [i, j])).flat();
  const began = performance.now();
  known.layout({ops: ["input", ...Array(n - 2).fill("a"), "output"], edges});
  return (performance.now() - began) / 1000;
})"""


@pytest.fixture(scope="module")
def run():
    """Calls a function of `graph.js` or `layout.js` with JSON-ready arguments."""
    imports = "async () => (window.known = {...await import('/graph.js'), ...await import('/layout.js')})"
    call = "([name, given]) => [known[name](...given)].map((r) => (r instanceof Set ? [...r] : r))[0]"
    with open_browser() as browser:
        page = browser.new_page()
        page.route("**", lambda route: route.fulfill(path=STATIC / route.request.url.rsplit("/", 1)[1]))
        page.goto("http://127.0.0.1/icon.svg")
        page.evaluate(imports)
        page.evaluate(TIME)
        yield lambda name, *arguments: page.evaluate(call, [name, list(arguments)])


def random_graph(rng, vertices):
    pairs = [[i, j] for i in range(vertices) for j in range(i + 1, vertices)]
    edges = [[i, j] for i, j in pairs if i == j - 1 or rng.random() < 0.3]
    return {"ops": ["input", *rng.choice(["a", "b"], vertices - 2).tolist(), "output"], "edges": edges}


def test_a_vertex_that_is_inserted_and_removed_leaves_no_trace(run):
    for seed in range(4):
        graph = random_graph(np.random.default_rng(seed), 7)
        for vertex in range(6):
            larger = run("insertAfter", graph, vertex, "c")
            assert larger["ops"][vertex + 1] == "c"
            assert [vertex, vertex + 1] in larger["edges"]
            assert run("remove", larger, vertex + 1) == graph


def test_a_vertex_that_fed_nothing_feeds_through_the_new_one(run):
    graph = {"ops": ["input", "a", "output"], "edges": [[0, 1], [0, 2]]}
    assert run("insertAfter", graph, 1, "b")["edges"] == [[0, 1], [0, 3], [1, 2], [2, 3]]


def test_what_fed_a_removed_vertex_feeds_what_it_fed(run):
    graph = {
        "ops": ["input", "a", "b", "c", "output"],
        "edges": [[0, 2], [1, 2], [0, 1], [2, 3], [2, 4], [3, 4]],
    }
    assert run("remove", graph, 2) == {
        "ops": ["input", "a", "c", "output"],
        "edges": [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]],
    }


def test_two_vertices_are_connected_in_the_direction_that_closes_no_circle(run):
    assert run("toggle", CHAIN, 0, 2)["edges"] == run("toggle", CHAIN, 2, 0)["edges"]
    assert run("toggle", CHAIN, 3, 1)["edges"] == [[0, 1], [1, 2], [1, 3], [2, 3]]
    assert run("toggle", CHAIN, 2, 1)["edges"] == [[0, 1], [2, 3]]


def test_a_connection_against_the_numbers_renumbers(run):
    apart = {"ops": ["input", "a", "b", "output"], "edges": [[0, 1], [0, 2], [1, 3], [2, 3]]}
    assert run("toggle", apart, 2, 1) == {
        "ops": ["input", "b", "a", "output"],
        "edges": [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]],
    }


def test_answers_and_described_operations_are_kept(run):
    graph = {**CHAIN, "answers": {"rate": 0.1}, "operations": [{"name": "a#0123456789ab", "kind": "conv"}]}
    assert run("read", graph) == graph
    assert run("insertAfter", graph, 1, "c")["operations"] == graph["operations"]
    assert run("remove", graph, 1)["answers"] == graph["answers"]


def test_disabled_connections_follow_their_vertices(run):
    graph = {**CHAIN, "disabled": [[0, 2]]}
    assert run("read", graph) == graph
    assert run("insertAfter", graph, 1, "c")["disabled"] == [[0, 3]]
    assert run("remove", graph, 1)["disabled"] == [[0, 1]]
    assert "disabled" not in run("remove", graph, 2)


@pytest.mark.parametrize(
    ("architecture", "told"),
    [
        (None, "ops"),
        ({"ops": ["input", 3, "output"], "edges": []}, "ops"),
        ({"ops": ["input", "output"], "edges": [[0, 2]]}, "edges"),
        ({"ops": ["input", "a", "b", "output"], "edges": [[1, 2], [2, 1]]}, "cycle"),
    ],
)
def test_what_is_no_architecture_is_refused(run, architecture, told):
    with pytest.raises(Exception, match=told):
        run("read", architecture)


def test_vertices_off_the_way_from_input_to_output_are_not_live(run):
    graph = {"ops": ["input", "a", "b", "c", "output"], "edges": [[0, 1], [1, 4], [0, 2], [3, 4]]}
    assert sorted(run("live", graph)) == [0, 1, 4]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({**CHAIN, "ops": ["input", "c", "b", "output"]}, "1: a → c"),
        ({**CHAIN, "edges": [[0, 1], [0, 2], [1, 2], [2, 3]]}, "with 0 → 2"),
        ({**CHAIN, "edges": [[0, 1], [1, 3], [2, 3]]}, "without 1 → 2, with 1 → 3"),
        ({"ops": ["input", "a", "b", "c", "output"], "edges": [[0, 1], [1, 2], [2, 3], [3, 4]]}, "new 3: c"),
        ({"ops": ["input", "b", "output"], "edges": [[0, 1], [1, 2]]}, "without 1: a"),
        ({"ops": ["input", "output"], "edges": [[0, 1]]}, "2 vertices, 1 connection"),
    ],
)
def test_a_difference_is_told_in_words(run, after, words):
    assert run("difference", CHAIN, after) == words


def test_boxes_do_not_touch_and_connections_go_down(run):
    for seed in range(10):
        graph = random_graph(np.random.default_rng(seed), 12)
        plan = run("layout", graph)
        boxes = plan["boxes"]
        assert [box["vertex"] for box in boxes] == list(range(12))
        for box in boxes:
            assert box["x"] - box["width"] / 2 >= 0
            assert box["x"] + box["width"] / 2 <= plan["width"]
            assert 0 <= box["y"] - box["height"] / 2 < box["y"] + box["height"] / 2 <= plan["height"]
            for other in boxes[: box["vertex"]]:
                aside = abs(box["x"] - other["x"]) >= (box["width"] + other["width"]) / 2
                assert aside or abs(box["y"] - other["y"]) >= box["height"]
        assert sorted(route["edge"] for route in plan["routes"]) == sorted(graph["edges"])
        for route in plan["routes"]:
            heights = [y for _, y in route["points"]]
            assert heights == sorted(heights)


def test_a_chain_is_drawn_as_one_straight_line(run):
    assert len({round(box["x"], 3) for box in run("layout", CHAIN)["boxes"]}) == 1


def test_the_largest_drawings_take_no_time_worth_waiting_for(run):
    assert run("time", 128) < 2
