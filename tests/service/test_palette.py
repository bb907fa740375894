"""The page paints operations as the drawings do.

After a change of the palette: python tests/service/test_palette.py
"""

from pathlib import Path

from egraph.drawing._palette import HUES, colours

FILE = Path(__file__).parents[2] / "egraph" / "service" / "static" / "palette.css"


def make_palette():
    """Three properties of CSS for each kind of operation, for light and for dark surroundings."""
    rules = ["/* Made of egraph/drawing/_palette.py by tests/service/test_palette.py. */"]
    for kind in HUES:
        light, dark = colours(kind), colours(kind, dark=True)
        pairs = {
            "fill": (light.fill, dark.fill),
            "stroke": (light.stroke, dark.stroke),
            "text": (light.text, dark.text),
        }
        values = "; ".join(f"--{name}: light-dark({a}, {b})" for name, (a, b) in pairs.items())
        rules.append(f".kind-{kind} {{ {values}; }}")
    return "\n".join(rules) + "\n"


def test_the_page_has_the_colours_of_the_drawings():
    assert FILE.read_text(encoding="utf-8") == make_palette()


if __name__ == "__main__":
    FILE.write_text(make_palette(), encoding="utf-8")
