"""The tour: one set of each family signs this project's own source.  python -m hbss.tour

Everything happens in a temporary folder, through the same public names that any program would use.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import hbss
from hbss import _native

try:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Table
except ImportError:
    sys.exit('the tour draws with rich: pip install "hbss[cli]"')

FAMILIES = {
    "LMS": "LMS_SHA256_M32_H10_W8",
    "HSS, two levels": "LMS_SHA256_M32_H10_W4+LMS_SHA256_M32_H10_W8",
    "XMSS": "XMSS-SHA2_10_256",
    "XMSS^MT, two layers": "XMSSMT-SHA2_20/2_256",
    "SLH-DSA": "SLH-DSA-SHA2-128s",
}

NEXT = """
What to try next
  hbss sets                                        every parameter set, with its sizes and costs
  hbss keygen LMS_SHA256_M32_H15_W4 my.key         a key of your own, for 32,767 signatures
  hbss sign my.key README.md                       writes README.md.sig
  hbss verify my.key.pub README.md README.md.sig   exit status 0: good, 1: bad
  docs/tutorial.md                                 how these signatures work, from one hash chain upwards
  docs/state.md                                    why a key file must never be copied back from a backup"""


class Stop(NamedTuple):
    """What one stop of the tour measured: sizes in bytes, times in seconds, and the widest kernel of the set's hash."""

    name: str
    key_len: int
    signature_len: int
    left: str
    keygen: float
    sign: float
    verify: float
    kernel: str


def source_archive() -> tuple[str, bytes]:
    """This project's source as a tar archive: of the last commit, or of the files as they lie there."""
    root = Path(__file__).resolve().parent.parent
    if not (root / "pyproject.toml").exists():  # installed from a wheel: the package is all there is
        return "the installed package", _tar(root / "hbss")
    try:
        commit = subprocess.run(  # noqa: S603  (no shell, no input from outside)
            ["git", "-C", str(root), "archive", "--format=tar", "HEAD"],  # noqa: S607
            capture_output=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "the source tree", _tar(root)
    return "git archive HEAD", commit.stdout


def _tar(folder: Path) -> bytes:
    def wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(entry.name).name
        made = name.startswith(".") or name in {"build", "dist", "site", "__pycache__"} or name.endswith((".so", ".o"))
        return None if made and entry.name != "hbss" else entry

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(folder, arcname="hbss", filter=wanted)
    return out.getvalue()


def must_reject(public: hbss.PublicKey, signature: bytes, data: bytes) -> None:
    """Raise if a signature that is wrong is accepted."""
    try:
        public.verify(signature, data)
    except hbss.InvalidSignature:
        return
    raise RuntimeError("a wrong signature was accepted")


def flipped(data: bytes) -> bytes:
    """Data with one bit changed in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def visit(name: str, folder: Path, data: bytes, console: Console) -> Stop:
    """Make a key of one set, sign, verify, and try two forgeries."""
    if not hbss.parameter_set(name).stateful:
        start = time.perf_counter()
        private = hbss.generate(name)
        return measure(name, private, time.perf_counter() - start, data)
    path = folder / f"{len(list(folder.iterdir()))}.key"
    columns = TextColumn("key generation: {task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        start = time.perf_counter()
        hbss.create_key(path, name, lambda done, total: bar.update(task, completed=done, total=total))
        keygen = time.perf_counter() - start
    with hbss.open_key(path) as key:
        return measure(name, key, keygen, data)


def measure(name: str, key: hbss.PrivateKey | hbss.StatefulPrivateKey, keygen: float, data: bytes) -> Stop:
    """Sign and verify under the clock; RuntimeError if a changed byte or a changed signature is accepted."""
    start = time.perf_counter()
    signature = key.sign(data)
    signed = time.perf_counter()
    public = key.public_key()
    public.verify(signature, data)
    verified = time.perf_counter()
    must_reject(public, signature, flipped(data))
    must_reject(public, flipped(signature), data)
    left = f"{key.remaining:,}" if isinstance(key, hbss.StatefulPrivateKey) else "2^64"
    kernel = _native.kernels(hbss.parameter_set(name).function)[0][0]
    sizes = len(public.public_bytes_raw()), len(signature)
    return Stop(name, *sizes, left, keygen, signed - start, verified - signed, kernel)


def table(stops: list[Stop]) -> Table:
    """The stops as one table, 80 columns wide."""
    drawn = Table(box=None, padding=(0, 1, 0, 0), caption=f"backend {_native.backend_name()}", header_style="bold")
    titles = (
        "set",
        "key\nbytes",
        "signature\nbytes",
        "signatures\nleft",
        "keygen\nms",
        "sign\nms",
        "verify\nms",
        "kernel",
    )
    for title in titles:
        drawn.add_column(title, justify="left" if title in ("set", "kernel") else "right", no_wrap=True)
    for stop in stops:
        drawn.add_row(
            stop.name.replace("+", "+\n"), f"{stop.key_len}", f"{stop.signature_len:,}", stop.left,
            f"{stop.keygen * 1e3:,.0f}", f"{stop.sign * 1e3:,.1f}", f"{stop.verify * 1e3:,.1f}", stop.kernel,
        )  # fmt: skip
    return drawn


def main() -> None:
    """Run the tour and print one table."""
    console = Console()
    what, data = source_archive()
    console.print(f"Signing {what}, {len(data):,} bytes, with one set of each family.\n", highlight=False)
    stops = []
    with tempfile.TemporaryDirectory(prefix="hbss-tour-") as folder:
        for family, name in FAMILIES.items():
            stops.append(visit(name, Path(folder), data, console))
            done = "signed, verified; a changed byte and a changed signature were rejected"
            console.print(f"  {family}: {done}", highlight=False, soft_wrap=True)
    console.print("\n", table(stops), sep="")
    console.print(NEXT, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
