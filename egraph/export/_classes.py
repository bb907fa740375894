"""Blocks as classes: blocks that differ only by numbers become one class with these as arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from egraph.export._blocks import Block, Code
from egraph.export._layers import Number, distinct

__all__ = ["quote", "write_classes"]

Text = list[str | Number]

WIDTH = 100
"""Number of characters in a line."""

INDENT = "    "

LOOP = " for _ in "
"""Between the element of a generator expression, as `_blocks` writes them, and its range."""


def write_classes(network: Block, summary: str) -> str:
    """The classes of all blocks in a network, and last that of the network, ``Network``.

    Args:
        network: Block of the whole network.
        summary: Docstring of its class.
    """
    calls: dict[Block, Text] = {}
    texts: list[str] = []
    used = Counter(["Network"])
    for level in _levels(network):
        for group in _group(level, calls):
            name = group[0].name
            used[name] += 1
            name = name if used[name] == 1 else f"{name}{used[name]}"
            names = _arguments(group, calls)
            for block in group:
                calls[block] = _call(name, names, _numbers(block, calls))
            texts.append(_write_class(name, group[0].summary, group[0], names, calls))
    texts.append(_write_class("Network", summary, network, {}, calls))
    return "\n\n".join(texts)


def quote(text: str) -> str:
    """A docstring with the given text; backslashes and quotation marks are replaced."""
    plain = text.replace("\\", "\\\\").replace('"', "'")
    return f'"""{plain}"""'


def _levels(network: Block) -> list[list[Block]]:
    """The blocks in the network by height, beginning with those that contain no others."""
    heights: dict[Block, int] = {}

    def visit(block: Block) -> int:
        below = [visit(one) for line in block.lines for one in line if isinstance(one, Block)]
        heights[block] = 1 + max(below, default=-1)
        return heights[block]

    highest = visit(network)
    return [[block for block, height in heights.items() if height == level] for level in range(highest)]


def _group(blocks: list[Block], calls: dict[Block, Text]) -> list[list[Block]]:
    """Groups of blocks that differ only by numbers."""
    groups: dict[Any, list[Block]] = {}
    for block in blocks:
        skeleton = tuple(
            tuple(one if isinstance(one, str) else None for one in _resolve(line, calls))
            for line in block.lines
        )
        groups.setdefault((block.name, tuple(block.parts), len(block.modes), skeleton), []).append(block)
    return list(groups.values())


def _resolve(line: Code, calls: dict[Block, Text]) -> Text:
    resolved: Text = []
    for one in line:
        resolved += calls[one] if isinstance(one, Block) else [one]
    return resolved


def _numbers(block: Block, calls: dict[Block, Text]) -> list[Number]:
    lines = (_resolve(line, calls) for line in block.lines)
    return [one for line in lines for one in line if isinstance(one, Number)]


def _arguments(group: list[Block], calls: dict[Block, Text]) -> dict[int, str]:
    """Names of arguments, by position of each number that is not the same in all blocks."""
    columns = list(zip(*(_numbers(block, calls) for block in group), strict=True))
    inputs, outputs = tuple(block.inputs for block in group), tuple(block.outputs for block in group)
    names: dict[tuple[int, ...], str] = {}
    arguments: dict[int, str] = {}
    for position, column in enumerate(columns):
        values = tuple(number.value for number in column)
        if len(set(values)) == 1:
            continue
        if values not in names:
            wish = _wish(values, inputs, outputs, column[0].role)
            (names[values],) = distinct([wish], {*names.values(), *group[0].parts})
        arguments[position] = names[values]
    return arguments


def _wish(values: tuple[int, ...], inputs: tuple[int, ...], outputs: tuple[int, ...], role: str) -> str:
    if values == inputs:
        return "channels" if inputs == outputs else "inputs"
    if values == outputs:
        return "outputs"
    return "hidden" if role in ("outputs", "features") else role


def _call(name: str, names: dict[int, str], numbers: list[Number]) -> Text:
    code: Text = [f"{name}("]
    keyword = len(set(names.values())) > 2
    seen: set[str] = set()
    for position, argument in names.items():
        if argument not in seen:
            code += [", "] if seen else []
            code += [f"{argument}="] if keyword else []
            code.append(numbers[position]._replace(role=argument))
            seen.add(argument)
    return [*code, ")"]


def _write_class(
    name: str, summary: str, block: Block, names: dict[int, str], calls: dict[Block, Text]
) -> str:
    position = 0

    def render(line: Code, prefix: str) -> str:
        nonlocal position
        written = ""
        for one in _resolve(line, calls):
            if isinstance(one, Number):
                argument = names.get(position)
                written += str(one.value) if argument is None else prefix + argument
                position += 1
            else:
                written += one
        return written

    made = [f"self.{part} = {render(code, '')}" for part, code in block.parts.items()]
    modes = [[render(line, "self.") for line in mode] for mode in block.modes]
    arguments = list(dict.fromkeys(names.values()))
    kept = [one for one in arguments if any(f"self.{one}" in line for mode in modes for line in mode)]
    head = f"def __init__(self{''.join(f', {one}: int' for one in arguments)}) -> None:"
    body = ["super().__init__()", *(f"self.{one} = {one}" for one in kept), *made]
    written = [f"class {name}(nn.Module):"]
    written += [f"{INDENT}{quote(summary)}", ""] if summary else []
    if block.parts or kept:
        written += [INDENT + head, *(line for one in body for line in _wrap(one, 2)), ""]
    given = "".join(f", {one}: Tensor" for one in block.arguments)
    written.append(f"{INDENT}def forward(self{given}) -> Tensor:")
    if len(modes) == 1:
        written += [line for one in modes[0] for line in _wrap(one, 2)]
    else:
        written += [INDENT * 2 + "if self.training:", *(line for one in modes[0] for line in _wrap(one, 3))]
        written += [line for one in modes[1] for line in _wrap(one, 2)]
    return "\n".join(written) + "\n"


def _wrap(line: str, depth: int) -> Iterator[str]:
    """The line, or several lines with its outermost brackets opened if it is too long."""
    line, comma = (line[:-1], ",") if line.endswith(",") else (line, "")
    start = _opening(line)
    if len(INDENT) * depth + len(line) <= WIDTH or start in (None, len(line) - 2):
        yield INDENT * depth + line + comma
        return
    yield INDENT * depth + line[: start + 1]
    for part in _split(line[start + 1 : -1]):
        yield from _wrap(part, depth + 1)
    yield INDENT * depth + line[-1] + comma


def _opening(line: str) -> int | None:
    """Position of the bracket that the last character closes, or None."""
    open_ = 0
    for position in range(len(line) - 1, -1, -1):
        open_ += (line[position] in ")]") - (line[position] in "([")
        if not open_:
            return position if line[-1] in ")]" else None
    return None


def _split(text: str) -> Iterator[str]:
    """The arguments of a call, each with its comma; of a generator expression, the element and the loop."""
    element, loop, repeats = text.rpartition(LOOP)
    if loop and _depth(element) == 0:
        yield from (element, loop.lstrip() + repeats)
        return
    start = 0
    for position, character in enumerate(text):
        if character == "," and not _depth(text[:position]):
            yield text[start : position + 1].strip()
            start = position + 1
    yield text[start:].strip() + ","


def _depth(text: str) -> int:
    """Number of brackets that are open at the end of a text."""
    return sum((character in "([") - (character in ")]") for character in text)
