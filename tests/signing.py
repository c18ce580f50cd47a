"""The one-time part of a stateful signature, from given seeds at a given leaf: for known answers, never for use.

It needs no tree, so it can be compared for every published signature, however high its tree is.
"""

from __future__ import annotations

from hbss._native import Key
from tests.model.hash import be
from tests.model.schemes.lms.params import SETS as LMS_SETS
from tests.model.schemes.xmss.params import SETS as XMSS_SETS
from tests.vectors import Case


def lms_one_time(case: Case) -> bytes:
    """q || LM-OTS type || C || chain values."""
    p = LMS_SETS[case.set]
    key = Key.from_seeds(case.set, case.secret, case.public_seed)
    c, path = key.randomizer(case.index), bytes(p.h * p.n)
    signature = key.sign_leaf(0, 0, case.index, c, key.digest(case.index, c, [case.message]), path)
    return signature[: -4 - len(path)]


def xmss_one_time(case: Case) -> bytes:
    """index || r || the lowest layer's chain values; the digest needs the root, which the public key holds."""
    p = XMSS_SETS[case.set]
    key = Key.from_seeds(case.set, case.secret, case.public_seed, case.public[4 : 4 + p.n])
    r, path = key.randomizer(case.index), bytes(p.hp * p.n)
    tree, leaf = case.index >> p.hp, case.index & ((1 << p.hp) - 1)
    layer = key.sign_leaf(0, tree, leaf, r, key.digest(case.index, r, [case.message]), path)
    return be(case.index, p.index_len) + r + layer[: -len(path)]
