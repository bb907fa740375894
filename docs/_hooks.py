"""Adds what the site takes from elsewhere in the repository: pages of its root, and the reference of the API.

MkDocs calls `on_config`, `on_files` and `on_page_markdown`. Sources are read by griffe and never imported.
"""

import re
from functools import cache
from pathlib import Path
from posixpath import normpath, relpath

import griffe
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
PROJECT = {
    "CONTRIBUTING.md": "project/contributing.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "examples/javascript/README.md": "project/javascript.md",
}
"""Pages that lie outside of ``docs/``, and their places in the site."""

EXTRA = ("egraph.searchers.testing",)
"""Public modules inside of packages; other modules of a package are reached through it."""

LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def on_config(config):
    """Appends the API and the project's pages to the navigation."""
    [reference] = [part["Reference"] for part in config.nav if "Reference" in part]
    reference.append({"API": [{name: _page(name)} for name in modules()]})
    titles = ("Contributing", "Architecture", "Changes", "The JavaScript example")
    config.nav.append({"Project": [dict([pair]) for pair in zip(titles, PROJECT.values(), strict=True)]})
    return config


def on_files(files, config):
    """Adds the generated pages."""
    for source, target in PROJECT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=_relink(text, source, target)))
    for name in modules():
        files.append(File.generated(config, _page(name), content=f"::: {name}\n"))
    return files


def on_page_markdown(markdown, page, **_):
    """Leads links that leave ``docs/`` to the generated pages."""
    source = page.file.src_uri
    return markdown if page.file.generated_by else _relink(markdown, f"docs/{source}", source)


@cache
def modules():
    """The names of the modules that have a page: packages, and modules right under ``egraph``."""
    package = griffe.load("egraph", search_paths=[str(ROOT)], allow_inspection=False)
    return tuple(
        module.path
        for module in _public(package)
        if module.exports and (module.is_package or module.path.count(".") == 1 or module.path in EXTRA)
    )


def _public(module):
    """A module and those below it, without private ones and the commands, which have a page of their own."""
    yield module
    for name, child in sorted(module.modules.items()):
        if not (name.startswith("_") or child.is_alias or child.path == "egraph.cli"):
            yield from _public(child)


def _page(name):
    return f"reference/api/{name}.md"


def _relink(text, source, target):
    """Replaces relative links of a file of the repository, where they lead to a page, by those of the site.

    Args:
        text: Markdown.
        source: Path of the file in the repository.
        target: Path of the page in the site.
    """

    def replace(match):
        path = normpath(f"{source}/../{match[1]}")
        if path in PROJECT:
            path = PROJECT[path]
        elif path.startswith("docs/"):
            path = path.removeprefix("docs/")
        else:
            return match[0]
        return f"]({relpath(path, normpath(f'{target}/..'))}"

    return LINK.sub(replace, text)
