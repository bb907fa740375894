"""Commands where streams are closed, disks are full, or homes and names are missing or odd."""

import os
import subprocess
import sys

import pytest

EGRAPH = f"{sys.executable} -m egraph"
FULL = "egraph: cannot write to standard output: No space left on device; send it elsewhere\n"
CLOSED = "egraph: cannot write to standard output: it is closed; send it elsewhere\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shells and devices of Linux")


@pytest.fixture
def shell(tmp_path):
    """Runs a line of a shell in an empty folder; ``egraph`` is the command."""

    def run(line, **environment):
        script = f'egraph() {{ {EGRAPH} "$@"; }}\n{line}'
        return subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env={**os.environ, **environment}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("egraph --version >/dev/full", 1, FULL),
        ('egraph draw \'{"ops": ["input", "output"], "edges": [[0, 1]]}\' >/dev/full', 1, FULL),
        ("PYTHONIOENCODING=ascii egraph --version >/dev/full", 1, FULL),
        ("egraph --help >&-", 1, CLOSED),
        ("egraph --version 2>&-", 0, ""),
        ("egraph --nothing 2>/dev/full", 2, ""),
        ("egraph --version <&- >&- 2>&-", 1, ""),
        ("egraph --help | head -1", 0, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_is_told_in_one_line(shell, line, code, told):
    done = shell(line)
    assert (done.returncode, done.stderr) == (code, told)


USE = """
import os
from egraph.cli._streams import usable_streams
with usable_streams():
    os.write(1, b"x"), os.write(2, b"x")
    with open("made.txt", "w") as made:
        made.write(str(made.fileno() > 2))
"""


def test_no_file_gets_the_number_of_a_closed_stream(shell, tmp_path):
    """Else whatever a library prints would be written into that file."""
    (tmp_path / "use.py").write_text(USE)
    assert shell(f"{sys.executable} use.py <&- >&- 2>&-").returncode == 0
    assert (tmp_path / "made.txt").read_text() == "True"


def test_standard_input_that_is_closed_is_told(monkeypatch):
    from egraph.cli._architectures import read_text
    from egraph.errors import DataError

    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="standard input is closed; give a file, or send architectures to it"):
        read_text("-")


def test_no_home_and_an_unknown_user(shell, table):
    """As in containers that run under any number: nothing needs a home but the cache."""
    if shell("unshare --user --map-user=54321 true").returncode:
        pytest.skip("needs user namespaces")
    alone = f"unshare --user --map-user=54321 env -i PATH=$PATH {EGRAPH}"
    listed = shell(f"{alone} data list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "mnist1d_convnet" in listed.stdout
    assert "looked for in no folder, as there is no home; set HOME or EGRAPH_DATA" in listed.stdout
    told = shell(f"{alone} data import {table} --name mine").stderr
    assert told == (
        "egraph: there is no home to keep the table in; set HOME, or give the file to write (--out)\n"
    )
    assert "there is no table file ~/x.parquet" in shell(f"{alone} data show '~/x.parquet'").stderr


SEVERAL = """
import sys
from itertools import groupby
from egraph.cli.main import main
for between, command in groupby(sys.argv[1:], ",".__eq__):
    try:
        between or main(list(command))
    except SystemExit as end:
        assert not end.code, end
"""


def test_folders_whose_names_are_not_utf8(shell, table, ranker, lines, tmp_path, tmp_path_factory):
    several = tmp_path_factory.mktemp("several") / "several.py"
    several.write_text(SEVERAL)
    folder = os.fsencode(tmp_path) + b"/d\xfc"
    os.mkdir(folder)
    (tmp_path / "lines").write_text("\n".join(lines[0]))
    done = shell(
        f"cd d*; cp {table} t.parquet; cp {ranker} r.egraph; here=$(pwd)\n"
        f"{sys.executable} {several} search --data $here/t.parquet --metric accuracy --trials 3 --initial 2"
        " --workers 1 --no-baseline --no-ranker --storage $here/x.db , report $here/x.db ,"
        " data show $here/x.db , rank $here/r.egraph ../lines , draw $here/x.best.json --out $here/x.svg"
    )
    assert done.returncode == 0, done.stderr
    assert "d\\udcfc/x.html" in done.stdout
    assert set(os.listdir(folder)) >= {b"x.db", b"x.html", b"x.best.json", b"x.svg"}
    assert sorted(os.listdir(os.fsencode(tmp_path))) == [b"d\xfc", b"lines"]


@pytest.mark.parametrize(("value", "colored"), [("", True), ("1", False)])
def test_no_color_leaves_colours_out(monkeypatch, value, colored):
    from egraph.cli._options import use_color

    monkeypatch.setattr("sys.stdout", type("Terminal", (), {"isatty": lambda _: True})())
    monkeypatch.setenv("NO_COLOR", value)
    assert use_color() is colored


SEARCH = (
    f"{EGRAPH} search --metric accuracy --trials 3 --initial 2 --no-ranker --no-baseline "
    "--storage x.db --data"
)


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/sys"},  # nothing can be written there, even by root
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"COLUMNS": "40", "NO_COLOR": "1"},
        {"PYTHONWARNINGS": "error"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_a_search_ends_as_anywhere(shell, table, tmp_path, environment):
    done = shell(f"{SEARCH} {table} --workers 1", **{"XDG_CACHE_HOME": "", "MPLCONFIGDIR": ""} | environment)
    assert (done.returncode, done.stdout.count("the best network, trial")) == (0, 1), done.stderr
    assert [line for line in done.stderr.splitlines() if "Warning" in line or "Traceback" in line] == []
    assert {"x.db", "x.html", "x.best.json"} <= set(os.listdir(tmp_path))
    if "LC_ALL" in environment:
        assert done.stdout.isascii()
        assert "|      input      |" in done.stdout
        assert "\\u" not in done.stdout.replace("\\u2013", "-")
    if "COLUMNS" in environment:
        picture = [line for line in done.stdout.splitlines() if set(line) & set("│╭╰")]
        assert picture
        assert max(map(len, picture)) <= 40


HELP = """
import click
from egraph.cli.main import COMMANDS, main
def show(command, context):
    print(command.get_help(context))
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        inner = command.get_command(context, name)
        show(inner, click.Context(inner, context, name))
show(main, click.Context(main, info_name="egraph"))
"""


def test_help_stays_where_python_drops_docstrings(shell, tmp_path):
    (tmp_path / "show.py").write_text(HELP)
    plain, optimized = (shell(f"{sys.executable} show.py", PYTHONOPTIMIZE=level) for level in ("", "2"))
    assert "Write a ranker, or the best network of a study" in optimized.stdout
    assert optimized.stdout == plain.stdout
    assert shell("egraph draw 01201201 --space nasbench_macro --ascii", PYTHONOPTIMIZE="2").returncode == 0


def test_a_full_or_read_only_disk_is_told_in_one_line(shell, table, tmp_path):
    if shell("unshare --user --map-root-user --mount mount -t tmpfs none .").returncode:
        pytest.skip("needs user namespaces that may mount")
    search = SEARCH.replace("x.db", "disk/x.db")
    done = shell(
        "mkdir disk; exec unshare --user --map-root-user --mount bash -c '\n"
        "mount -t tmpfs -o size=120k none disk\n"
        f"{search} {table} --workers 1 --trials 40 2>&1 | tail -1\n"
        "mount -o remount,ro none disk\n"
        f"{search} {table} --workers 1 2>&1 | tail -1\n"
        f"{EGRAPH} draw 01201201 --space nasbench_macro --out disk/x.svg 2>&1\n'"
    )
    assert done.stdout.splitlines() == [
        "egraph: cannot use disk/x.db: database or disk is full; make room or choose another file "
        "(nothing written is lost)",
        "egraph: cannot write disk/x.db: Read-only file system; choose a folder that can be written",
        "egraph: cannot write disk/x.svg: Read-only file system; choose another place",
    ]
