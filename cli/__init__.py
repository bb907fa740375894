"""The command line: one module for each verb, which parses, calls the library and renders.

`main.main` is the group of all commands. The module of a command is imported when the command runs, so that
``egraph --help`` is fast. To add a command: write ``VERB.py`` with a click command named ``command``, and
list it in `main.COMMANDS`; the tests then require its section in ``docs/reference/cli.md``.
"""

from __future__ import annotations

# The repository's own folder would otherwise answer `import cli` with a second copy of every command.
if __name__ != "egraph.cli":
    raise ImportError("import egraph.cli; the repository root shadows `cli`")
