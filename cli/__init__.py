"""The command line: one module a verb, which parses, calls the library and renders.

`main.main` is the group of all commands. A command's module is imported when the command runs, so that
``egraph --help`` waits for nothing. To add a command: write ``VERB.py`` with a click command named
``command``, and name it in `main.COMMANDS`; the tests then ask for its page in ``docs/reference/cli.md``.
"""

from __future__ import annotations

# The repository's own folder would otherwise answer `import cli` with a second copy of every command.
if __name__ != "egraph.cli":
    raise ImportError("import egraph.cli; the repository root shadows `cli`")
