"""The frame around all commands."""

import re
import subprocess
import sys
import time

import click
import pytest

import egraph as package
from egraph.cli import main as module
from egraph.cli.main import COMMANDS, main


def test_help_lists_every_command_in_order(egraph):
    text = egraph("--help").stdout
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_each_command_says_the_same_of_itself_as_the_overview():
    context = click.Context(main)
    for name, summary in COMMANDS.items():
        command = main.get_command(context, name)
        assert command.name == name
        assert command.help.splitlines()[0] == summary


def test_version(egraph):
    assert egraph("--version").stdout == f"egraph, version {package.__version__}\n"


def test_help_waits_neither_for_torch_nor_for_long():
    script = "import sys; import egraph.cli.main; print('torch' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "egraph", "--help"], capture_output=True, check=True)
    assert time.perf_counter() - started < 5, "about 0.3 s on an idle machine"


def test_drawing_waits_for_no_torch():
    script = (
        "import sys\nfrom egraph.cli.main import main\n"
        "try:\n    main(['draw', '01201201', '--space', 'nasbench_macro'])\n"
        "except SystemExit:\n    assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_command_names_the_nearest(egraph):
    done = egraph("drw", code=2)
    assert done.stderr == (
        f"egraph: unknown command 'drw'; known: {', '.join(sorted(COMMANDS))}. Did you mean 'draw'?\n"
    )


def test_an_unknown_option_is_wrong_use(egraph):
    done = egraph("draw", "--colour", "x", code=2)
    assert re.search("No such option(: --colour| '--colour')", done.stderr)  # before and since click 8.4
    assert "see `egraph draw --help`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_argument_is_wrong_use(egraph):
    assert "Missing argument" in egraph("report", code=2).stderr


def test_an_unexpected_error_is_one_line_that_points_to_debug(egraph, monkeypatch):
    monkeypatch.setattr("egraph.report.write", lambda *_: 1 / 0)
    done = egraph("report", "x.db", code=1)
    assert done.stderr == (
        "egraph: unexpected ZeroDivisionError: division by zero; run again with --debug for the traceback\n"
    )


@pytest.mark.parametrize("place", [0, 2])
def test_debug_shows_the_traceback_wherever_it_stands(monkeypatch, place):
    from click.testing import CliRunner

    monkeypatch.setattr("egraph.report.write", lambda *_: 1 / 0)
    args = ["report", "x.db"]
    args.insert(place, "--debug")
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" in done.stderr


def test_interruption_has_its_own_exit_code(egraph, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("egraph.report.write", interrupt)
    assert egraph("report", "x.db", code=module.INTERRUPTED).stderr.endswith("egraph: interrupted\n")


def test_a_closed_pipe_is_no_error():
    many = "".join('{"ops":["input","a","output"],"edges":[[0,1],[1,2]]}\n' for _ in range(5000))
    done = subprocess.Popen(
        [sys.executable, "-m", "egraph", "draw", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    done.stdin.write(many.encode())
    done.stdin.close()
    done.stdout.readline()
    done.stdout.close()
    error = done.stderr.read()
    done.stderr.close()
    done.wait(60)
    assert error == b""


def test_python_m_egraph_is_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "egraph", "draw", "nothing"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "egraph: there is no file nothing; for a space's own notation add --space NAME\n"
