"""Saying in time that a key comes to its end: a line on stderr, and an exit status for those who want one."""

from __future__ import annotations

from collections.abc import Callable

import click

STATUS = 3  # done, but few signatures are left


def options(command: Callable[..., object]) -> Callable[..., object]:
    """--warn-below and --fail-low."""
    below = click.option(
        "--warn-below", type=click.IntRange(min=0), metavar="N",
        help="Say so when fewer than N signatures are left (default: a tenth of the key's).",
    )  # fmt: skip
    fail = click.option("--fail-low", is_flag=True, help=f"Exit status {STATUS} in that case, with everything done.")
    return below(fail(command))


class Low:
    """Is told how many signatures are left; afterwards `status` is the exit status."""

    def __init__(self, fail: bool) -> None:
        self._fail = fail
        self.status = 0

    def __call__(self, remaining: int) -> None:
        """Fewer than the threshold are left."""
        click.echo(
            f"hbss: warning: {remaining:,} signatures are left with this key; make the next one in time", err=True
        )
        if self._fail:
            self.status = STATUS
