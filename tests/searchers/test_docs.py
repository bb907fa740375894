"""``docs/concepts/searchers.md`` has a table: each searcher in a sentence, and what of a space it calls.

After a change of the searchers: ``python tests/searchers/test_docs.py`` writes the table anew.
"""

import importlib
import inspect
import re
from pathlib import Path

from egraph import searchers

PAGE = Path(__file__).parent.parent.parent / "docs" / "concepts" / "searchers.md"
TABLE = re.compile(r"^\| name \| class \|.*?\n(?=\n)", re.MULTILINE | re.DOTALL)


CALLS = {
    "`mutate`": r"space\.mutate\(|_mutate_to_new\(",
    "`crossover`": r"space\.crossover\(",
    "`neighbors`": r"space\.neighbors\(",
    "relaxation": r"space\.relaxation\(",
    "encoding": r"space\.(encode|decode|episodes)\(|_decode_new\(",
}


def needs(searcher):
    """What of the space a searcher calls, or the parts that it is made of."""
    waiting, sources = [base.__module__ for base in searcher.__mro__], {}
    while waiting:
        module = waiting.pop()
        if re.fullmatch(r"egraph\.searchers\.(?!_base$)_\w+", module) and module not in sources:
            sources[module] = inspect.getsource(importlib.import_module(module))
            waiting += re.findall(r"^from (egraph\.searchers\.\w+)", sources[module], re.MULTILINE)
    text = "".join(sources.values())
    return ", ".join(need for need, call in CALLS.items() if re.search(call, text)) or "–"


def table():
    lines = ["| name | class | in a sentence | needs |", "|---|---|---|---|"]
    for searcher in map(searchers.get, searchers.names()):
        if not searcher.__module__.startswith("egraph."):
            continue  # an installed package brings it
        sentence = searcher.__doc__.splitlines()[0].rstrip(".")
        lines.append(f"| `{searcher.name}` | `{searcher.__name__}` | {sentence} | {needs(searcher)} |")
    return "\n".join(lines) + "\n"


def test_the_table_is_up_to_date():
    written = TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert written is not None
    assert written.group() == table(), "run: python tests/searchers/test_docs.py"


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
