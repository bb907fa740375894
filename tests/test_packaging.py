"""What a person who installs egraph gets."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import egraph

ROOT = Path(__file__).parent.parent
PACKED = {".css", ".egraph", ".html", ".j2", ".js", ".parquet", ".py", ".svg", ".toml", ".typed"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed():
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    on_disk = set()
    for top, name in [("egraph", "egraph"), *((f, f"egraph.{f}") for f in ("searchers", "datasets", "cli"))]:
        for init in (ROOT / top).rglob("__init__.py"):
            if not any(parent.is_symlink() for parent in init.parents):
                on_disk.add(".".join([name, *init.parent.relative_to(ROOT / top).parts]))
    assert listed == on_disk


def test_version_is_told_once():
    assert egraph.__version__ == metadata.version("egraph")
    assert PROJECT["project"]["dynamic"] == ["version"]


@pytest.mark.parametrize("folder", ["searchers", "datasets", "cli"])
def test_the_root_does_not_offer_top_level_packages(folder):
    """`import datasets` beside the checkout must not answer for another project's package."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"ImportError: import egraph.{folder}" in done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(_copy_of_sources(out))],
        check=True,
        capture_output=True,
    )
    return next(out.glob("egraph-*.whl"))


def _copy_of_sources(out: Path) -> Path:
    """The tracked files alone, so that a stale build folder of the checkout cannot help."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    copy = out / "source"
    for name in filter(None, tracked.decode().split("\0")):
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(os.readlink(source))
        elif source.exists():
            target.write_bytes(source.read_bytes())
    return copy


def test_the_wheel_holds_egraph_alone_and_whole(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "egraph",
        f"egraph-{egraph.__version__}.dist-info",
    }
    packed = {name for name in names if name.startswith("egraph/")}
    for top, prefix in [
        ("egraph", "egraph"),
        *((f, f"egraph/{f}") for f in ("searchers", "datasets", "cli")),
    ]:
        for path in (ROOT / top).rglob("*"):
            inside_link = any(parent.is_symlink() for parent in (path, *path.parents))
            if path.is_file() and not inside_link and path.suffix in PACKED:
                assert f"{prefix}/{path.relative_to(ROOT / top).as_posix()}" in packed


def test_the_wheel_runs_outside_the_checkout(wheel, tmp_path):
    """Unpacked where a site-packages would be, with nothing of the checkout on the path."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.argv = ['egraph', *sys.argv[2:]];"
        "import egraph.cli.main as m; assert m.__file__.startswith(sys.path[0]), m.__file__; m.main()"
    )
    drawn = subprocess.run(
        [sys.executable, "-P", "-c", script, str(site), "draw", "01201201", "--space", "nasbench_macro"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert drawn.returncode == 0, drawn.stderr
    assert "mbconv" in drawn.stdout
