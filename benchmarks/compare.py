"""hbss beside others: the same act of the same set in turns, ours and theirs, on one thread.

Signatures are verified across before anything is timed. Times are CPU seconds of this process and of the children it
has waited for, as one peer makes its keys in a child. A ratio is kept for each turn; the figure is the median of turns.
"""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import hbss
from benchmarks.measure import Spread
from benchmarks.peers import PEERS, Peer, references
from hbss.bench.acts import Act, Subject
from hbss.bench.acts import Budget as Acts
from hbss.bench.measure import BATCH

ACTS = {"keygen": "keygen", "sign": "sign", "verify": "verify", "verify_each": "verify"}  # ours: theirs
MESSAGE = bytes(range(32))


@dataclass(frozen=True)
class Budget:
    """How much is measured. seconds: of turns, for a figure; patience: after so many there need not be
    three turns; most: turns, as small keys are soon used up; sets: of each peer, the cheapest so many."""

    seconds: float = 0.5
    patience: float = 6.0
    most: int = 7
    sets: int = 12


QUICK = Budget(seconds=0.0, patience=0.0, most=1, sets=1)


class Pair(TypedDict):
    """What was measured of one act. ratio: their seconds to ours. crossed: verified by each other before."""

    peer: str
    version: str
    note: str
    set: str
    act: str
    ours: Spread
    theirs: Spread
    ratio: Spread
    crossed: bool


class Reference(TypedDict):
    """Another kind of signature."""

    scheme: str
    version: str
    signature_size: int
    keygen: Spread
    sign: Spread
    verify: Spread


class Compared(TypedDict):
    """All of it. missing: why a peer is left out."""

    pairs: list[Pair]
    references: list[Reference]
    missing: list[str]


def measure(budget: Budget = Budget(), tell: Callable[[str], object] = print) -> Compared:
    """Every peer that is installed; tell: is given a line of progress before each set."""
    pairs: list[Pair] = []
    missing: list[str] = []
    for load in PEERS:
        try:
            peer = load()
        except ImportError as reason:
            missing.append(f"{load.__name__}: {reason}")
            tell(f"left out: {missing[-1]}")
            continue
        few = cheapest(peer)[: budget.sets]
        for name in (name for name in peer.sets if name in few):
            tell(f"{peer.name} {peer.version}: {name}")
            pairs += pairs_of(peer, name, budget)
    try:
        others = [reference(*other, budget) for other in references()]
    except ImportError as reason:
        others = []
        missing.append(f"cryptography: {reason}")
    return Compared(pairs=pairs, references=others, missing=missing)


def cheapest(peer: Peer) -> list[str]:
    """The peer's sets, those with the least work first."""
    found = [hbss.parameter_set(name) for name in peer.sets]
    return [each.name for each in sorted(found, key=lambda each: each.keygen_hashes + each.sign_hashes)]


def pairs_of(peer: Peer, name: str, budget: Budget) -> list[Pair]:
    """All acts that the peer can do with a set."""
    found = []
    with Subject(name, Acts(messages=32)) as subject:
        theirs = checked(peer, subject)
        for act, their_act in ACTS.items():
            if their_act in theirs:
                mine, other, ratio = turns(ours(subject, act), theirs[their_act], budget)
                found.append(Pair(
                    peer=peer.name, version=peer.version, note=peer.note, set=name, act=act, ours=mine, theirs=other,
                    ratio=ratio, crossed=peer.crossed,
                ))  # fmt: skip
    return found


def ours(subject: Subject, act: str) -> Act:
    """The public calls, but for a stateful key's tree, which is made in memory as theirs are."""
    if act == "keygen" and not subject.found.stateful:
        return Act(lambda: hbss.generate(subject.found), subject.act("keygen").calls)
    return subject.act("sign_api" if act == "sign" else act)


def checked(peer: Peer, subject: Subject) -> dict[str, Callable[[], object]]:
    """What the peer does, once signatures are known to be good both ways; RuntimeError if they are not."""
    acts: dict[str, Callable[[], object]] = {}
    signed = [(public.public_bytes_raw(), message, signature) for public, message, signature in subject.signed]
    if peer.signer is not None:
        signer, key = peer.signer, peer.signer.keygen(subject.name)
        acts = {"keygen": lambda: signer.keygen(subject.name), "sign": lambda: signer.sign(key, MESSAGE)}
        their_raw, made = signer.public(key), signer.sign(key, MESSAGE)
        if peer.crossed:
            hbss.PublicKey.from_raw(subject.found, their_raw).verify(made, MESSAGE)
        else:
            signed = [(their_raw, MESSAGE, made)]
    readers = {raw: peer.reader(subject.name, raw) for raw, _, _ in signed}
    claims = [(readers[raw], message, signature) for raw, message, signature in signed]
    if not all(peer.verify(*claim) for claim in claims):
        raise RuntimeError(f"{peer.name} refuses a signature of {subject.name}")
    turn = itertools.cycle(claims)  # the same as ours: what a signature takes depends on its digits, and so on chance
    return {**acts, "verify": lambda: peer.verify(*next(turn))}


def turns(mine: Act, theirs: Callable[[], object], budget: Budget) -> tuple[Spread, Spread, Spread]:
    """Seconds of ours, of theirs, and their ratio."""
    found: list[tuple[float, float]] = []
    start = processor()
    while len(found) < budget.most:
        found.append((seconds(mine.run, mine.prepare) * mine.scale / mine.count, seconds(theirs)))
        spent = processor() - start
        if spent >= (budget.seconds if len(found) >= 3 else budget.patience):
            break
    ratios = Spread.of([other / own for own, other in found])
    return Spread.of([own for own, _ in found]), Spread.of([other for _, other in found]), ratios


def reference(scheme: str, version: str, generate: Callable[[], Any], budget: Budget) -> Reference:
    """One other scheme."""
    key = generate()
    public, signature = key.public_key(), key.sign(MESSAGE)
    acts = (generate, lambda: key.sign(MESSAGE), lambda: public.verify(signature, MESSAGE))
    spreads = [Spread.of([seconds(act) for _ in range(budget.most)]) for act in acts]
    return Reference(
        scheme=scheme, version=version, signature_size=len(signature), keygen=spreads[0], sign=spreads[1],
        verify=spreads[2],
    )  # fmt: skip


def seconds(act: Callable[[], object], prepare: Callable[[], object] | None = None) -> float:
    """Seconds that one act takes; short acts are repeated. prepare: called before each, and not counted."""
    times, taken = 0, 0.0
    while taken < BATCH:
        if prepare is not None:
            prepare()
        start = processor()
        act()
        taken += processor() - start
        times += 1
    return taken / times


def processor() -> float:
    """CPU seconds of this process so far, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
