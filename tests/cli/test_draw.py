"""``egraph draw``."""

import pytest

CELL = '{"ops":["input","conv3x3-bn-relu","output"],"edges":[[0,1],[1,2]]}'


def test_json_is_drawn_in_the_terminal(egraph):
    assert "│ conv3x3-bn-relu │" in egraph("draw", CELL).stdout


def test_a_space_s_own_notation_is_drawn(egraph):
    assert "mbconv" in egraph("draw", "01201201", "--space", "nasbench_macro").stdout


def test_a_notation_may_be_json_or_longer_than_the_name_of_a_file(egraph):
    import json

    cell = [["sep_conv_3x3", 0], ["max_pool_3x3", 1]] * 4
    genotype = {"normal": cell, "reduce": cell}
    written = f"Genotype(normal={cell}, reduce={cell})"
    drawn = egraph("draw", written, "--space", "darts").stdout
    assert drawn.count("sep_conv_3x3-s2") == 4
    assert egraph("draw", json.dumps(genotype), "--space", "darts").stdout == drawn


def test_ascii(egraph):
    assert egraph("draw", CELL, "--ascii").stdout.isascii()


def test_a_file_and_standard_input_are_drawn_one_after_another(egraph, tmp_path):
    (tmp_path / "many.jsonl").write_text(f"{CELL}\n\n{CELL}\n")
    from_file = egraph("draw", "many.jsonl").stdout
    assert from_file.count("conv3x3-bn-relu") == 2
    assert egraph("draw", "-", stdin=f"{CELL}\n{CELL}\n").stdout == from_file


@pytest.mark.parametrize(("name", "magic"), [("a.svg", b"<svg"), ("b.PNG", b"\x89PNG")])
def test_pictures_are_written(egraph, tmp_path, name, magic):
    assert egraph("draw", CELL, "--out", f"sub/{name}").stdout == f"wrote sub/{name}\n"
    assert (tmp_path / "sub" / name).read_bytes().startswith(magic)


def test_disabled_edges_can_be_hidden(egraph):
    cell = CELL[:-1] + ',"disabled":[[0,2]]}'
    assert "╌" in egraph("draw", cell).stdout
    assert "╌" not in egraph("draw", cell, "--hide-disabled").stdout


def test_a_picture_of_another_kind_is_refused(egraph):
    assert (
        "the name must end in .svg or .png, got 'x.pdf'"
        in egraph("draw", CELL, "--out", "x.pdf", code=2).stderr
    )


def test_one_picture_of_several_architectures_is_refused(egraph, tmp_path):
    (tmp_path / "many.jsonl").write_text(f"{CELL}\n{CELL}\n")
    done = egraph("draw", "many.jsonl", "--out", "x.svg", code=2)
    assert "many.jsonl contains 2 architectures, and --out takes one" in done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"ops":["input","a","b","output"],"edges":[[1,2],[2,1]]}', "the graph has a cycle: 1 -> 2 -> 1"),
        ('{"ops":["a","output"],"edges":[]}', "must begin with 'input'"),
        ('{"ops":["input","output"],"edges":[[0,7]]}', "names a vertex outside 0 to 1"),
        ('{"ops":["input","output"]', "not JSON"),
        ('{"ops":["input","output"]}', "field 'edges' of an architecture must be a list"),
        ('{"ops":' + "[" * 100_000, "not JSON"),
        ('{"normal":[]}', "expected normal to be a list of 8 pairs"),
        ('{"ops":["input","conv3x3-bn-relu ","output"],"edges":[]}', "'conv3x3-bn-relu ' has blanks around"),
    ],
)
def test_what_is_no_architecture_is_refused(egraph, text, expected):
    assert expected in egraph("draw", text, code=2).stderr


@pytest.mark.parametrize(
    ("ops", "edges", "expected"),
    [
        (["input", "conv9x9", "output"], [[0, 1], [1, 2]], "conv9x9"),
        (["input", *["maxpool3x3"] * 6, "output"], [[i, i + 1] for i in range(7)], "7"),
        (
            ["input", *["maxpool3x3"] * 5, "output"],
            [[i, i + 1] for i in range(6)] + [[0, j] for j in range(2, 6)],
            "9",
        ),
    ],
)
def test_an_architecture_of_another_space_is_refused(egraph, ops, edges, expected):
    import json

    done = egraph("draw", json.dumps({"ops": ops, "edges": edges}), "--space", "nasbench101", code=2)
    assert expected in done.stderr


def test_an_unknown_space_names_the_nearest(egraph):
    assert "Did you mean 'nasbench_macro'?" in egraph("draw", "0", "--space", "nasbench_makro", code=2).stderr


def test_a_folder_that_cannot_be_written_is_named(egraph, tmp_path):
    (tmp_path / "file").write_text("")
    done = egraph("draw", CELL, "--out", "file/x.svg", code=1)
    assert "cannot write file/x.svg" in done.stderr


def test_notations_of_other_programs_need_no_space(egraph, tmp_path):
    cell = [("sep_conv_3x3", 0), ("max_pool_3x3", 1)] * 4
    line = f"2019-03-11 genotype = Genotype(normal={cell}, reduce={cell})"
    drawn = egraph("draw", line).stdout
    assert drawn.count("sep_conv_3x3-s2") == 4
    (tmp_path / "log.txt").write_text(line + "\n")
    assert egraph("draw", "log.txt").stdout == drawn
    indices = egraph("draw", "(4, 1, 0, 2, 3, 1)", "--space", "nasbench201").stdout
    assert "avg_pool_3x3" in indices
    done = egraph("draw", "(4, 1, 0, 2, 3, 1)", code=2)
    assert "a list of numbers needs the name of the space" in done.stderr
