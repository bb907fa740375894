"""Writes the pictures of the tutorial from what its search left behind.

    egraph search --data digits --trials 24
    python docs/_pictures.py runs/convnet-digits-0

The charts are those of the report, the drawing is that of `egraph draw`.
"""

import argparse
import re
from pathlib import Path

from egraph import Architecture

FOLDER = Path(__file__).parent / "images"
CHARTS = {"best": "tutorial-search.svg"}


def chart(page: str, name: str) -> str:
    """A chart of the report as a file of its own, in the report's light colours."""
    [text] = [svg for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL) if f'id="{name}-figure_1"' in svg]
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]+)", page.split("prefers-color-scheme")[0]))
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()
    frame = f'viewBox="0 0 {width} {height}" width="560" font-family="system-ui, sans-serif"'
    card = f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>\n {card}\n'
    text = re.sub(r"^<svg[^>]*>", head, text)
    return re.sub(r"var\(--([a-z]+)\)", lambda match: colours[match[1]], text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="path of the journal without its ending")
    run = parser.parse_args().run
    page = Path(f"{run}.html").read_text(encoding="utf-8")
    for name, file in CHARTS.items():
        (FOLDER / file).write_text(chart(page, name), encoding="utf-8")
    best = Architecture.from_json(Path(f"{run}.best.json").read_text(encoding="utf-8"))
    (FOLDER / "tutorial-best.svg").write_text(best.to_svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
