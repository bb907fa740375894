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
