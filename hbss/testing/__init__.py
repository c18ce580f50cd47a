"""The crash kit: does a store hand out an index twice, whatever happens to it and to its signers?

    python -m hbss.testing --store "mine:{folder}/state" --budget 600 --report report.json

or from a test:

    report = hbss.testing.run(hbss.testing.Settings(seconds=60, stores=("mine:{folder}/state",)))
    assert report.good, hbss.testing.summary(report)

The invariant is in `checks`: every value that a one-time key releases is its only one, and what was lost is counted.
The parts of the kit differ in what they do to the signers meanwhile:

    contract   nothing; every clause of `hbss.stores.StateStore` is tried
    kills      SIGKILL at random moments and at every labelled point; rivals at every labelled point; the clock moved
    faults     every single call to the files fails, writes short, or is the last of its process
    power      the power goes: what was not flushed is lost, kept, or torn, in every combination that can be drawn
    network    the way to a server is cut, delayed or doubled at every message; the server is killed and restarted

The kit proves itself: `planted` has stores with bugs, of which each has to be caught by the part that it names. Faults
and power losses need Linux and a C compiler. What a disk does by itself (bits that flip, flushes that lie) is not
tested.
"""

from hbss.testing.campaign import Report, Settings, run, summary
from hbss.testing.checks import Account, Use, reused, unaccounted
from hbss.testing.contract import contract
from hbss.testing.faults import every_fault
from hbss.testing.key_scenarios import Creating, Moving, RollingBack, Splitting
from hbss.testing.kills import clock_jumps, kill_at_every_label, random_kills, rival_at_every_label
from hbss.testing.network import every_message
from hbss.testing.power import power_cuts
from hbss.testing.scenarios import HandingOn, Signing
from hbss.testing.shim import ShimMissing, laboratory
from hbss.testing.subjects import KeySubject, Session, StoreSubject, Subject
from hbss.testing.trials import Findings, Share

__all__ = [
    "Account",
    "Creating",
    "Findings",
    "HandingOn",
    "KeySubject",
    "Moving",
    "Report",
    "RollingBack",
    "Session",
    "Settings",
    "Share",
    "ShimMissing",
    "Signing",
    "Splitting",
    "StoreSubject",
    "Subject",
    "Use",
    "clock_jumps",
    "contract",
    "every_fault",
    "every_message",
    "kill_at_every_label",
    "laboratory",
    "power_cuts",
    "random_kills",
    "reused",
    "rival_at_every_label",
    "run",
    "summary",
    "unaccounted",
]
