"""``egraph export`` of rankers."""

import json

import pytest

from egraph.export import OnnxRanker


def test_export_writes_a_checked_file_and_tells_its_cost(egraph, ranker, few_compared, tmp_path):
    done = egraph("export", ranker, "r.onnx")
    assert "r.onnx" in done.stdout
    assert f"order kept: tau 1.0000 (loss 0.0000) on {few_compared} architectures" in done.stdout
    assert OnnxRanker(tmp_path / "r.onnx").trials > 0


def test_export_prints_json(egraph, ranker, read_json, tmp_path):
    found = read_json(egraph("export", ranker, "r.onnx", "--precision", "int8", "--json"))
    assert found["bytes"] == (tmp_path / "r.onnx").stat().st_size
    assert 0.5 < found["tau"] <= 1


def test_export_refuses_a_name_before_the_work(egraph, ranker, tmp_path):
    (tmp_path / "folder").mkdir()
    assert "folder is a folder; give the name" in egraph("export", ranker, "folder", code=2).stderr
    assert "expected the name of a file to write" in egraph("export", ranker, "", code=2).stderr


def test_export_refuses_what_is_no_ranker(egraph, tmp_path):
    (tmp_path / "bad.egraph").write_bytes(b"no ranker")
    assert "bad.egraph is damaged" in egraph("export", "bad.egraph", "r.onnx", code=1).stderr
    assert not (tmp_path / "r.onnx").exists()


@pytest.mark.parametrize("target", ["absent.egraph/r.onnx"])
def test_export_names_a_place_that_cannot_be_written(egraph, ranker, target, tmp_path):
    (tmp_path / "absent.egraph").write_text("a file, no folder")
    assert "cannot write" in egraph("export", ranker, target, code=1).stderr


def test_an_exported_ranker_serves_wherever_a_ranker_does(egraph, table, ranker, lines, read_json):
    egraph("export", ranker, "r.onnx")
    given = "\n".join(lines[0])
    rows = [
        [json.loads(row) for row in egraph("rank", model, "-", "--json", stdin=given).stdout.splitlines()]
        for model in (ranker, "r.onnx")
    ]
    assert [row["score"] for row in rows[1]] == pytest.approx([row["score"] for row in rows[0]], abs=1e-5)
    taus = [
        read_json(egraph("evaluate", model, "--data", table, "--json"))["scores"]["kendall tau-b"]["value"]
        for model in (ranker, "r.onnx")
    ]
    assert taus[1] == pytest.approx(taus[0], abs=1e-6)
    search = ("search", "--data", table, "--metric", "accuracy", "--trials", 4, "--no-baseline", "--json")
    found = egraph(*search, "--ranker", "r.onnx")
    assert read_json(found)["trials"] == 4


def test_pytorch_models_need_the_ranker_itself(egraph, ranker):
    egraph("export", ranker, "r.onnx")
    done = egraph("rank", "r.onnx", "--model", "nets:build", code=2)
    assert "--model needs a ranker that `egraph train` wrote, which r.onnx is not" in done.stderr
