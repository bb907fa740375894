"""Pictures: what they hold, that lines avoid boxes, and that names can do no harm."""

import itertools
import re
import struct
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import egraph
from egraph import drawing
from egraph.drawing._layout import layout
from egraph.errors import FailedError

SVG = "{http://www.w3.org/2000/svg}"
CHAIN = egraph.Architecture(["input", "a", "b", "output"], [(0, 1), (1, 2), (2, 3)])
SKIP = egraph.Architecture(["input", "a", "b", "output"], [(0, 1), (1, 2), (2, 3), (0, 3)], disabled=[(1, 3)])


@st.composite
def architectures(draw, largest=12):
    n = draw(st.integers(2, largest))
    pairs = list(itertools.combinations(range(n), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20))
    off = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4))
    ops = draw(
        st.lists(st.sampled_from(["conv3x3", "pool", "a-longer-name"]), min_size=n - 2, max_size=n - 2)
    )
    return egraph.Architecture(
        ["input", *ops, "output"], chosen, [edge for edge in off if edge not in chosen]
    )


def bezier(a, b, c, d, steps=12):
    for t in (k / steps for k in range(steps + 1)):
        yield tuple(
            (1 - t) ** 3 * w + 3 * (1 - t) ** 2 * t * x + 3 * (1 - t) * t**2 * y + t**3 * z
            for w, x, y, z in zip(a, b, c, d, strict=True)
        )


@settings(deadline=None, max_examples=60)
@given(architectures())
def test_no_edge_runs_through_a_box_and_no_boxes_overlap(architecture):
    plan = layout(architecture)
    assert len(plan.routes) == len(architecture.edges) + len(architecture.disabled)
    for a, b in itertools.combinations(plan.boxes, 2):
        apart = abs(a.x - b.x) >= (a.width + b.width) / 2 - 1e-6 or abs(a.y - b.y) >= a.height - 1e-6
        assert apart
    for route in plan.routes:
        for k in range(0, len(route.points) - 1, 3):
            for x, y in bezier(*route.points[k : k + 4]):
                assert -1e-6 <= x <= plan.width
                assert -1e-6 <= y <= plan.height
                for box in plan.boxes:
                    inside = abs(x - box.x) < box.width / 2 - 1e-6 and abs(y - box.y) < box.height / 2 - 1e-6
                    assert not inside, (route.edge, box.vertex)


@settings(deadline=None, max_examples=30)
@given(architectures())
def test_each_edge_goes_down_from_its_source_to_its_target(architecture):
    plan = layout(architecture)
    for route in plan.routes:
        source, target = plan.boxes[route.edge[0]], plan.boxes[route.edge[1]]
        assert route.points[0] == (source.x, source.y + source.height / 2)
        assert route.points[-1] == pytest.approx((target.x, target.y - target.height / 2))
        assert source.y < target.y


def test_a_chain_is_drawn_straight():
    plan = layout(CHAIN)
    assert len({round(box.x, 6) for box in plan.boxes}) == 1


def test_a_long_chain_is_broken_into_columns():
    ops = ["input", *["a"] * 62, "output"]
    plan = layout(egraph.Architecture(ops, [(i, i + 1) for i in range(63)]))
    columns = {round(box.x) for box in plan.boxes}
    assert len(columns) == 3
    assert plan.height < 2000
    for route in plan.routes:
        assert all(0 <= x <= plan.width and 0 <= y <= plan.height for x, y in route.points)


def test_svg_shows_every_vertex_and_edge():
    root = ET.fromstring(drawing.to_svg(SKIP))
    assert [text.text for text in root.iter(f"{SVG}text")] == ["input", "a", "b", "output"]
    edges = [path.get("class") for path in root.iter(f"{SVG}path") if "edge" in path.get("class")]
    assert sorted(edges) == ["edge"] * 4 + ["edge disabled"]


def test_svg_leaves_disabled_edges_out_on_request():
    assert 'class="edge disabled"' not in drawing.to_svg(SKIP, disabled=False)


def test_svg_holds_no_address_but_its_namespace_and_serves_dark_pages():
    text = drawing.to_svg(SKIP)
    assert re.findall(r"https?://[^\"' ]*", text) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme:dark" in text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'a"b', "a&b", "]]>", "control \x00\x08 character"]
)
def test_svg_stays_well_formed_whatever_a_name_holds(name):
    root = ET.fromstring(drawing.to_svg(egraph.Architecture(["input", name, "output"], [(0, 1), (1, 2)])))
    assert len(list(root.iter(f"{SVG}text"))) == 3
    assert not list(root.iter(f"{SVG}script"))


def test_architecture_draws_itself():
    assert CHAIN.to_svg() == drawing.to_svg(CHAIN)


def test_png_is_an_image_of_the_size_of_the_layout(tmp_path):
    drawing.save_png(SKIP, tmp_path / "a.png", scale=1)
    content = (tmp_path / "a.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    plan = layout(SKIP)
    assert struct.unpack(">II", content[16:24]) == pytest.approx((plan.width, plan.height), abs=1)


def test_png_into_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match=r"cannot write .*a\.png: .*; choose another place"):
        drawing.save_png(CHAIN, tmp_path / "file" / "a.png")


def test_terminal_stacks_boxes_and_runs_skips_on_rails():
    assert drawing.to_terminal(SKIP) == "\n".join(
        [
            " ╭────────╮",
            " │ input  │",
            " ╰────┬───╯",
            "      ├────────╮",
            " ╭────▼───╮    │",
            " │   a    │    │",
            " ╰────┬───╯    │",
            "      ├╌╌╌╌╌╮  │",
            " ╭────▼───╮ ┊  │",
            " │   b    │ ┊  │",
            " ╰────┬───╯ ┊  │",
            " ╭────▼───╮ ┊  │",
            " │ output │◀┴──╯",
            " ╰────────╯",
        ]
    )


def test_terminal_in_ascii_and_without_disabled_edges():
    picture = drawing.to_terminal(SKIP, unicode=False, disabled=False)
    assert picture.isascii()
    assert "......." not in picture
    assert "| output |<'" in picture


def test_terminal_draws_many_vertices_compactly():
    n = 16
    edges = [(i, i + 1) for i in range(n - 1)] + [(0, 15), (3, 9)]
    lines = drawing.to_terminal(egraph.Architecture(["input", *["conv"] * 14, "output"], edges)).splitlines()
    assert len(lines) == 2 * n - 1
    assert max(map(len, lines)) <= 100


def follow(picture, order):
    """The edges that a picture of compact rows shows, found by walking along its lines as an eye does."""
    opens = {
        "│": "ud",
        "├": "udr",
        "╭": "dr",
        "╮": "dl",
        "╰": "ur",
        "╯": "ul",
        "┤": "udl",
        "┴": "ulr",
        "┬": "dlr",
    }
    opens |= {"┼": "udlr", "─": "lr", "╌": "lr", "┊": "ud", "╷": "d", "╵": "u"}
    moves = {"u": (0, -1, "d"), "d": (0, 1, "u"), "l": (-1, 0, "r"), "r": (1, 0, "l")}
    lines = picture.splitlines()
    at = {(x, y): c for y, line in enumerate(lines) for x, c in enumerate(line)}
    rows = [y for y, line in enumerate(lines) if line.startswith(" ●")]
    edges = set()
    for k, row in enumerate(rows):
        stack, seen = [(1, row + 1, "u")], set()
        while stack:
            x, y, came = stack.pop()
            symbol = at.get((x, y), " ")
            if (x, y, came) in seen:
                continue
            seen.add((x, y, came))
            if symbol == "◀" or (symbol == "●" and came == "u"):
                edges.add((order[k], order[rows.index(y)]))
                continue
            passing = symbol in "│┊" and came in "lr"  # a line behind a rail goes on
            exits = {"l": "r", "r": "l"}[came] if passing else opens.get(symbol, "")
            if not passing and came not in exits:
                continue
            # Lines leave to the right below a vertex, run down, and come in beside one, straight to the left.
            allowed = "rd" if y not in rows else "l" if came == "r" else "ld"
            for way in exits:
                if way != came and way in allowed:
                    dx, dy, back = moves[way]
                    stack.append((x + dx, y + dy, back))
    return edges


@settings(deadline=None, max_examples=80)
@given(architectures(largest=16))
def test_an_eye_that_follows_the_lines_finds_exactly_the_edges(architecture):
    n = architecture.num_vertices
    padding = max(0, 13 - n)  # enough vertices for the compact form
    ops = [*architecture.ops[:-1], *["conv3x3"] * padding, "output"]
    edges = [(i, j + padding if j == n - 1 else j) for i, j in architecture.edges]
    drawn = egraph.Architecture(ops, edges)
    assert follow(drawing.to_terminal(drawn), range(len(ops))) == set(drawn.edges)


def test_terminal_stays_in_a_narrow_width():
    picture = drawing.to_terminal(
        egraph.Architecture(
            ["input", "a-very-long-name-of-an-operation", "output"], [(0, 1), (1, 2), (0, 2)]
        ),
        width=24,
    )
    assert max(map(len, picture.splitlines())) <= 24
    assert "…" in picture


def test_terminal_puts_out_no_escape_codes_of_a_name():
    evil = egraph.Architecture(["input", "\x1b[31mred\nder", "output"], [(0, 1), (1, 2)])
    assert "\x1b" not in drawing.to_terminal(evil)
    assert "\x1b[" in drawing.to_terminal(CHAIN, color=True)


def test_terminal_orders_vertices_that_are_numbered_otherwise():
    picture = drawing.to_terminal(
        egraph.Architecture(["input", "late", "early", "output"], [(0, 2), (2, 1), (1, 3)])
    )
    assert picture.index("early") < picture.index("late")
