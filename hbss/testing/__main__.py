"""The campaign as a command: `python -m hbss.testing`. Exit status 1 if anything was found, 2 if it cannot run here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hbss.testing import campaign
from hbss.testing.shim import ShimMissing
from hbss.testing.trials import FAULTS, KILLS, POWER


def main(arguments: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        prog="python -m hbss.testing",
        description="Kill signers, let their files fail, cut their power, and look for an index that was used twice.",
    )
    parser.add_argument("--budget", default="small", help="seconds, or `small` (%(default)s): about a minute")
    for name in (KILLS, FAULTS):
        parser.add_argument(f"--{name}", type=int, default=0, help=f"go on until there were so many {name}")
    parser.add_argument("--power", type=int, default=0, help="go on until there were so many power losses")
    parser.add_argument(
        "--store", action="append", metavar="URL",
        help="sqlite, postgresql (a server is started), or the URL of any store; {folder} in it is replaced; "
        "may be repeated (default: sqlite and postgresql)",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    given = parser.parse_args(arguments)
    settings = campaign.Settings(
        campaign.SMALL if given.budget == "small" else float(given.budget),
        {KILLS: given.kills, FAULTS: given.faults, POWER: given.power},
        tuple(given.store or ("sqlite", "postgresql")), given.seed, given.jobs,
    )  # fmt: skip
    try:
        report = campaign.run(settings, campaign.on_stderr)
    except ShimMissing as error:
        sys.stderr.write(f"hbss.testing: {error}\n")
        return 2
    sys.stdout.write(f"{campaign.summary(report)}\n")
    if given.report:
        campaign.write(report, given.report)
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
