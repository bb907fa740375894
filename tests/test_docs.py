"""Every Python block of the documentation runs, page by page, and every link leads somewhere."""

import re
import warnings
from pathlib import Path

import matplotlib
import pytest

from egraph.errors import OutOfDistributionWarning

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def _name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.usefixtures("own_tables", "quick_rankers", "few_compared")
@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text(encoding="utf-8"))], ids=_name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    text = page.read_text(encoding="utf-8")
    names = {"__name__": "documentation"}
    for match in BLOCK.finditer(text):
        line = text[: match.start()].count("\n") + 1
        code = compile("\n" * line + match.group(1), str(page), "exec")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", OutOfDistributionWarning)  # an example may well go there
            exec(code, names)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{_name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_that_are_shown_exist(page):
    from egraph.cli.main import COMMANDS

    for verb in re.findall(r"^\$ (?:.*\| )?egraph ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert verb in COMMANDS


def test_the_architecture_page_names_files_that_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+/[\w./-]*)`", text))
    assert named
    assert [path for path in named if not ((ROOT / path).exists() or (ROOT / "egraph" / path).exists())] == []
