"""The JavaScript example gives the numbers that Python gives."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from egraph import Architecture, Ranker, from_torch, operations, spaces
from egraph.encoding import Vocabulary, encode
from egraph.export import OnnxRanker
from egraph.operations import Operation

EXAMPLE = Path(__file__).parents[2] / "examples" / "javascript"

ENCODE = """
import { readFileSync } from "node:fs";
import { encode } from "./encode.mjs";

const { architectures, vocabulary, names, measured, asked } = JSON.parse(readFileSync(0));
const arrays = Object.entries(encode(architectures, vocabulary, names, measured, asked));
console.log(JSON.stringify(Object.fromEntries(
  arrays.map(([name, { data, shape }]) => [name, { data: Array.from(data, Number), shape }]),
)));
"""

READ = """
import { readMetadata } from "./metadata.mjs";
import { readFileSync } from "node:fs";

console.log(JSON.stringify(readMetadata(readFileSync(process.argv[1]))));
"""

SCORE = """
import { readFileSync } from "node:fs";
import { Ranker } from "./ranker.mjs";

const { level, architectures, pairs } = JSON.parse(readFileSync(0));
const ranker = await Ranker.load(process.argv[1]);
const one = architectures.slice(0, 1);
const refusal = (promise) => promise.catch((error) => error.message);
console.log(JSON.stringify({
  scores: await ranker.score(architectures, level),
  probabilities: await ranker.compare(...pairs),
  alone: await ranker.score(one, 0),
  empty: [await ranker.score([]), await ranker.compare([], [])],
  refused: [await refusal(ranker.score(one, 80)), await refusal(ranker.compare(architectures, one))],
}));
"""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def node(script: str, *arguments: str, given: object = None, folder: Path = EXAMPLE) -> object:
    """What a module of JavaScript prints, read as JSON; its imports are relative to the folder."""
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script, *arguments],
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the example with its packages."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if any(code in done.stderr for code in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT")):
        pytest.skip("npm reaches no registry")
    assert done.returncode == 0, done.stderr
    yield folder
    shutil.rmtree(folder)  # 150 MB


@pytest.fixture(scope="module")
def architectures():
    """Eight of every space."""
    rng = np.random.default_rng(0)
    return [spaces.get(name).sample(rng) for name in spaces.names() for _ in range(8)]


@pytest.fixture(scope="module", params=[True, False], ids=["names", "descriptions"])
def ranker_file(request, tmp_path_factory, architectures, few_compared):
    """A small ranker of all spaces in its ONNX file, with names of operations or with descriptions alone."""
    path = tmp_path_factory.mktemp("ranker") / "r.onnx"
    scores = np.random.default_rng(0).normal([len(a.edges) for a in architectures])
    ranker = Ranker(members=2, width=8, layers=["mean"], epochs=2, folds=0, names=request.param)
    ranker.fit(architectures, scores).to_onnx(path)
    return path


def assert_encoded_alike(architectures: list[Architecture], names: bool = True, known=None) -> None:
    vocabulary = Vocabulary.of(architectures if known is None else known, names)
    expected = encode(architectures, vocabulary)
    graphs = [a.to_dict() for a in architectures]
    given = {"architectures": graphs, "names": names, **vocabulary.to_json()}
    found = {
        name: np.array(array["data"]).reshape(array["shape"])
        for name, array in node(ENCODE, given=given).items()
    }
    assert np.array_equal(found["sizes"], expected.sizes)
    assert np.array_equal(found["counts"], expected.counts)
    np.testing.assert_allclose(found["vertices"], expected.vertices, rtol=1e-6)
    # A variance is the difference of two nearly equal numbers where paths weigh nearly the same.
    np.testing.assert_allclose(found["features"], expected.features, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("name", spaces.names())
def test_architectures_of_every_space_are_encoded_alike(name, names):
    rng = np.random.default_rng(0)
    assert_encoded_alike([spaces.get(name).sample(rng) for _ in range(20)], names)


def test_idle_parts_ties_and_numberings_are_encoded_alike(make_architecture, renumber):
    rng = np.random.default_rng(0)
    graphs = [make_architecture(rng, ops=("t-conv3", "t-pool", "t-skip", "t-none")) for _ in range(150)]
    assert_encoded_alike(graphs + [renumber(graph, rng) for graph in graphs])


def test_large_graphs_are_encoded_alike(make_architecture, renumber):
    rng = np.random.default_rng(0)
    assert_encoded_alike([renumber(make_architecture(rng, n), rng) for n in (2, 3, 16, 33, 64)])


def test_more_paths_than_64_bits_can_count_are_encoded_alike():
    doubled = [(0, 1), (0, 2)]
    for v in range(1, 139, 2):
        doubled += [(v, v + 2), (v, v + 3), (v + 1, v + 2), (v + 1, v + 3)]
    ops = ["t-skip", "t-conv3"] * 70
    assert_encoded_alike([Architecture(["input", *ops, "output"], [*doubled, (139, 141), (140, 141)])])
    assert_encoded_alike(
        [Architecture(["input", *["t-skip"] * 140, "output"], [*doubled, (139, 141), (140, 141)])]
    )


def test_operations_are_counted_by_kind_where_there_are_many_and_names_may_be_long():
    kinds = [
        "separable-conv",
        "inverted-residual",
        "max-pool",
        "linear",
        "graph-conv",
        "attention",
        "aggregation",
    ]
    described = [
        Operation(
            f"js-{i}-é" + "x" * 20 * i,
            kind,
            kernel=i % 4,
            stride=1 + i % 3,
            groups=i % 3,
            expansion=1 + i / 3,
            width=0.3 + i,
            padded=i % 2 == 0,
        )
        for i, kind in enumerate([*kinds, "conv", "conv", "conv", "avg-pool"])
    ]
    names = [*(operations.register(op).name for op in described), "js-nobody-registered-this"]
    rng = np.random.default_rng(0)
    graphs = []
    for _ in range(30):
        edges = [(i, j) for i in range(14) for j in range(i + 1, 14) if j == i + 1 or rng.random() < 0.2]
        graphs.append(Architecture(["input", *rng.permutation(names).tolist(), "output"], edges))
    assert_encoded_alike(graphs)


@pytest.mark.parametrize("names", [True, False])
def test_traced_networks_are_encoded_alike(names):
    def network(width: int, blocks: int) -> Architecture:
        layers = [nn.Conv2d(3, width, 3, 2), nn.Conv2d(width, width, 3, groups=width), nn.Conv2d(width, 8, 1)]
        layers += [nn.Sequential(nn.Conv2d(8, 8 + i, 1), nn.Conv2d(8 + i, 8, 3, 1, 1)) for i in range(blocks)]
        return from_torch(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1)), torch.zeros(1, 3, 32, 32))

    networks = [network(width, blocks) for width in (8, 20) for blocks in (1, 4)]
    many = [network(width, 20) for width in (9, 11)]
    assert Vocabulary.of(many).measured
    assert_encoded_alike(networks, names)
    assert_encoded_alike(networks, names, known=many)


def test_answers_are_encoded_alike():
    def asked(**answers) -> Architecture:
        return Architecture(["input", "nor_conv_3x3", "output"], [(0, 1), (1, 2)], answers=answers)

    known = [
        asked(rate=rate, act=act, reads=reads)
        for rate, act, reads in [
            (0.001, "relu", (0,)),
            (0.1, "gelu", (0, 1)),
            (0.01, None, ()),
            (5, True, ()),
        ]
    ]
    assert len(Vocabulary.of(known).asked.questions) == 3
    others = [asked(rate=0.05, act="tanh"), asked(rate=9, act="gelu"), asked(rate=-1, act=True), asked(x=1)]
    assert_encoded_alike([*known, *others], known=known)


def test_graphs_too_deep_for_javascript_are_refused():
    edges = [(i, j) for i in range(1100) for j in range(i + 1, 1100) if j - i < 3]
    graph = {"ops": ["input", *["t-conv3"] * 1098, "output"], "edges": edges}
    vocabulary = [operations.get(name).to_dict() for name in ("input", "output", "t-conv3")]
    with pytest.raises(RuntimeError, match="more paths than JavaScript can count"):
        node(ENCODE, given={"architectures": [graph], "vocabulary": vocabulary})


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (
            {"ops": ["input", "warp", "output"], "edges": []},
            r'unknown operation "warp": the ranker knows input, output;',
        ),
        ({"ops": ["input", "output"]}, r"an object with the lists ops and edges, got {\"ops\""),
        (None, r"an object with the lists ops and edges, got null"),
        (
            {"ops": ["input", "t-conv3"], "edges": []},
            r'begin with "input" and end with "output", got \["input"',
        ),
        ({"ops": ["input", 3, "output"], "edges": []}, r'must be names that begin .* got \["input",3,'),
        ({"ops": ["input", "output"], "edges": [[0, 2]]}, r"a pair of vertices from 0 to 1, got \[0,2\]"),
        ({"ops": ["input", "output"], "edges": [[0, 1], [0, 1]]}, r"edge \[0,1\] stands twice"),
        ({"ops": ["input", "output"], "edges": [[0, 1], [1, 1]]}, r"the graph has a cycle"),
    ],
)
def test_what_cannot_be_encoded_is_refused(architecture, message):
    vocabulary = [operations.get(name).to_dict() for name in ("input", "output")]
    with pytest.raises(RuntimeError, match=message):
        node(ENCODE, given={"architectures": [architecture], "vocabulary": vocabulary})


def protobuf(*entries: tuple[str, str]) -> bytes:
    """The fields of an ONNX file that come before its metadata, one of each form, and the metadata."""

    def field(number: int, content: bytes) -> bytes:
        assert number < 16
        length = len(content)
        return bytes([number << 3 | 2, length & 127 | 128, length >> 7]) + content

    file = bytes([1 << 3 | 0, 0x96, 0x01, 2 << 3 | 1, *range(8), 3 << 3 | 5, *range(4)]) + field(
        7, b"graph" * 99
    )
    return file + b"".join(field(14, field(1, k.encode()) + field(2, v.encode())) for k, v in entries)


def test_metadata_are_read_out_of_the_file(tmp_path):
    path = tmp_path / "r.onnx"
    content = {"schema": 1, "space": "é" * 300}
    path.write_bytes(protobuf(("other", "{"), ("egraph", json.dumps(content, ensure_ascii=False))))
    assert node(READ, str(path)) == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (protobuf(("other", "{}")), "not the ONNX file of a ranker"),
        (protobuf(("egraph", '{"schema": 2}')), "the file has schema 2, expected 1"),
        (protobuf(("egraph", '{"schema": 1}'))[:-3], "the file is damaged, or no ONNX file"),
        (b"\x96", "the file is damaged, or no ONNX file"),
        (b"PK\x03\x04 and so on", "the file is damaged, or no ONNX file"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    path = tmp_path / "r.onnx"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=message):
        node(READ, str(path))


def test_the_packages_are_pinned_and_their_source_is_not_named():
    package = json.loads((EXAMPLE / "package.json").read_text(encoding="utf-8"))
    text = (EXAMPLE / "package-lock.json").read_text(encoding="utf-8")
    assert package["private"]
    for name, version in package["dependencies"].items():
        assert json.loads(text)["packages"][f"node_modules/{name}"]["version"] == version
    assert "resolved" not in text
    assert "://" not in text


def test_scores_intervals_and_comparisons_are_those_of_python(installed, ranker_file, architectures):
    pairs = [architectures[::5], architectures[::-5]]
    given = {
        "level": 0.9,
        "architectures": [a.to_dict() for a in architectures],
        "pairs": [[a.to_dict() for a in side] for side in pairs],
    }
    found = node(SCORE, str(ranker_file), given=given, folder=installed)

    # Networks count in float32, and each runtime adds in an order of its own.
    python = OnnxRanker(ranker_file)
    for name, expected in python.assess(architectures, level=0.9)._asdict().items():
        np.testing.assert_allclose([row[name] for row in found["scores"]], expected, atol=1e-4)
    probabilities = [[row[name] for name in ("worse", "equal", "better")] for row in found["probabilities"]]
    np.testing.assert_allclose(probabilities, python.compare(*pairs), atol=1e-5)
    # NaN is null in JSON.
    nothing = {"deviation": None, "lower": None, "upper": None}
    assert found["alone"] == [{"score": pytest.approx(python(architectures[:1])[0], abs=1e-4), **nothing}]
    assert found["empty"] == [[], []]
    assert found["refused"] == [
        "level must be at least 0 and below 1, got 80",
        f"expected as many architectures on both sides, got {len(architectures)} and 1",
    ]


def test_the_command_prints_scores_with_their_intervals(installed, ranker_file, architectures, tmp_path):
    path = tmp_path / "architecture.json"
    path.write_text(architectures[0].to_json(), encoding="utf-8")
    command = ["node", "score.mjs", ranker_file, path]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=True)
    found = [float(number) for number in re.findall(r"-?\d+\.\d{4}", done.stdout)]
    score, _, lower, upper = OnnxRanker(ranker_file).assess(architectures[:1])
    np.testing.assert_allclose(found, [score[0], lower[0], upper[0]], atol=2e-4)
    assert re.fullmatch(r"\S+ \(\S+ to \S+\)\n", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["r.onnx"], 2, "usage: node score.mjs ranker.onnx architecture.json [level]\n"),
        (["absent.onnx", "a.json"], 1, "error: ENOENT: no such file or directory, open 'absent.onnx'\n"),
        (["package.json", "a.json"], 1, "error: the file is damaged, or no ONNX file\n"),
    ],
)
def test_the_command_says_what_is_wrong_in_a_line(installed, arguments, code, message):
    command = ["node", "score.mjs", *arguments]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, message)
