"""The site builds strictly and without network; every public name is documented and has its place in it."""

import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

griffe = pytest.importorskip("griffe")
pytest.importorskip("mkdocs")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def package():
    return griffe.load("egraph", search_paths=[str(ROOT)], allow_inspection=False)


def public(module):
    """Every module that a user may import, without the commands."""
    yield module
    for name, child in module.modules.items():
        if not (name.startswith("_") or child.is_alias or child.path == "egraph.cli"):
            yield from public(child)


def exported(module):
    """The names of ``__all__``, with what they stand for."""
    for name in module.exports or ():
        found = module.members.get(str(name))
        assert found is not None, f"{module.path}.__all__ names {name}, which static analysis does not find"
        yield f"{module.path}.{name}", found.final_target if found.is_alias else found


def test_every_public_name_has_a_docstring(package):
    names = [pair for module in public(package) for pair in exported(module)]
    assert len(names) > 300
    assert [name for name, found in names if not found.has_docstring] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as ``make docs`` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def inventory(site):
    """Names of the API that pages describe, from the inventory that Sphinx and mkdocstrings share."""
    content = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(content).decode().splitlines()}


def test_every_public_name_of_a_package_is_in_the_reference(site, package):
    described = inventory(site)
    packages = [module for module in public(package) if module.is_package or module.path.count(".") == 1]
    names = {name for module in packages for name, found in exported(module) if not found.is_module}
    assert names - described == set()


def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?([^\"> ]+)", text)
        loaded += re.findall(r"<link\b[^>]*\brel=\"?(?:stylesheet|preconnect|icon)[^>]*", text)
        assert [item for item in loaded if "//" in item] == [], page.name


@pytest.mark.no_cover
def test_the_search_index_is_part_of_the_site(site):
    assert "Kendall" in (site / "search" / "search_index.json").read_text(encoding="utf-8")
