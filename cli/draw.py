"""``egraph draw``."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import click

from egraph.cli._models import is_onnx, model_options, read_model
from egraph.cli._options import can_encode, count_option, read_image_path, use_color

if TYPE_CHECKING:
    from egraph.architecture import Architecture

__all__ = ["command"]


@click.command(
    "draw",
    help="""Draw an architecture in the terminal, as SVG or as PNG.

    ARCHITECTURE is JSON, such as '{"ops": ["input", "maxpool3x3", "output"], "edges": [[0, 1], [1, 2]]}', the
    notation of --space, or one of another program, such as Genotype(...). FILE, or - for standard input, has
    one architecture a line. With --model, networks written in PyTorch are drawn, and
    an ONNX file has a network.
    """,
    epilog="Example: egraph draw 01201201 --space nasbench_macro --out network.svg",
)
@click.argument("architecture", metavar="[ARCHITECTURE|FILE|-]", required=False)
@model_options("Draw")
@click.option("--space", metavar="NAME", help="The search space; its own notation is then accepted.")
@click.option("--out", metavar="FILE", callback=read_image_path, help="Write a .svg or .png file instead.")
@click.option("--ascii", "plain", is_flag=True, help="Draw with ASCII characters only.")
@count_option("--width", least=20, help="Width in columns. Default: that of the terminal.")
@click.option("--hide-disabled", is_flag=True, help="Leave out disabled edges, which are otherwise dashed.")
def command(
    architecture: str | None, models: tuple[str, ...], shape: str | None, part: str | None, space: str | None,
    out: str | None, plain: bool, width: int | None, hide_disabled: bool,
) -> None:  # fmt: skip
    """``egraph draw``."""
    from egraph import drawing
    from egraph.errors import UsageError
    from egraph.files import write_text

    if (architecture is None) == (not models):
        raise UsageError(
            "give an ARCHITECTURE, a FILE of them, - for standard input, or --model, and only one"
        )
    if architecture is None or is_onnx(architecture):
        found = [read_model(name, shape, part) for name in models or (architecture or "",)]
    else:
        found = _read(architecture, space)
    if out:
        if len(found) > 1:
            raise UsageError(
                f"{architecture or '--model'} contains {len(found)} architectures, and --out takes one; "
                "choose a line, such as `sed -n 3p FILE | egraph draw - --out FILE`"
            )
        if out.lower().endswith(".svg"):
            write_text(out, drawing.to_svg(found[0], disabled=not hide_disabled))
        else:
            drawing.save_png(found[0], out, disabled=not hide_disabled)
        click.echo(f"wrote {out}")
        return
    pictures = [
        drawing.to_terminal(
            each,
            width=width or shutil.get_terminal_size((100, 24)).columns,
            unicode=not plain and can_encode("╭●▼"),
            color=use_color(),
            disabled=not hide_disabled,
        )
        for each in found
    ]
    click.echo("\n\n".join(pictures))


def _read(text: str, space: str | None) -> list[Architecture]:
    """The architecture that a text is, or those in the file that it names."""
    from egraph import spaces
    from egraph.cli._architectures import read_architecture, read_architectures
    from egraph.errors import DataError

    known = spaces.find(space) if space else None
    if text == "-" or os.path.isfile(text):  # Path refuses names as long as some notations
        return read_architectures(text, known)
    if known is None and not set(text) & set("{([|"):
        raise DataError(f"there is no file {text}; for a space's own notation add --space NAME")
    return [read_architecture(text.strip(), known)]
