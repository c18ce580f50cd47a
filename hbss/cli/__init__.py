"""The command line, `hbss`; `hbss --help` lists the commands."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the `hbss` command."""
    try:
        from hbss.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(f"hbss: the command line needs {error.name}: pip install 'hbss[cli]'", file=sys.stderr)
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))
