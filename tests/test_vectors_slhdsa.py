"""SLH-DSA against NIST's vectors: every key and verification, a share of the signatures; all of them when long."""

from __future__ import annotations

import pytest

import hbss
from hbss.unsafe_known_answers import slhdsa_key, slhdsa_sign_internal, slhdsa_verify_internal
from tests import vectors
from tests.model.schemes.slhdsa.params import SETS


def hash_name(case: vectors.Case) -> str:
    """A pre-hash as hbss spells it."""
    return case.interface.replace("SHAKE-", "SHAKE")


def accepted(case: vectors.Case) -> bool:
    """Whether the signature verifies by the vector's own interface."""
    key = hbss.PublicKey.from_raw(case.set, case.public)
    try:
        if case.interface == "internal":
            slhdsa_verify_internal(key, case.message, case.signature)
        elif case.interface == "pure":
            key.verify(case.signature, case.message, case.context)
        else:
            digest = vectors.prehash(case.interface, case.message)
            key.verify_prehash(case.signature, digest, hash_name(case), case.context)
    except hbss.InvalidSignature:
        return False
    return True


def made(case: vectors.Case) -> bytes:
    """The signature by the vector's own interface; hedged ones need their randomness, so they go in encoded."""
    n = SETS[case.set].n
    key = slhdsa_key(case.set, case.secret[:n], case.secret[n:], case.public_seed)
    assert key.public_key().public_bytes_raw() == case.public
    if case.interface == "internal" or case.opt_rand is not None:
        return slhdsa_sign_internal(key, vectors.encoded(case), case.opt_rand)
    if case.interface == "pure":
        return key.sign(case.message, case.context, deterministic=True)
    digest = vectors.prehash(case.interface, case.message)
    return key.sign_prehash(digest, hash_name(case), case.context, deterministic=True, allow_weak=True)


@pytest.mark.parametrize("name", SETS)
def test_every_slhdsa_key(name: str) -> None:
    cases = [case for case in vectors.slhdsa("keyGen") if case.set == name]
    assert len(cases) == 10
    n = SETS[name].n
    for case in cases:
        key = slhdsa_key(name, case.secret[:n], case.secret[n:], case.public_seed)
        assert key.public_key().public_bytes_raw() == case.public, case.name
        assert key.private_bytes_raw() == case.secret + case.public, case.name


@pytest.mark.parametrize("name", SETS)
def test_every_slhdsa_verification(name: str) -> None:
    cases = [case for case in vectors.slhdsa("sigVer") if case.set == name]
    assert (len(cases), sum(case.valid for case in cases)) == (42, 6)
    assert [case.name for case in cases if accepted(case) != case.valid] == []


def signatures(name: str) -> list[vectors.Case]:
    cases = [case for case in vectors.slhdsa("sigGen") if case.set == name]
    assert len(cases) == 52
    return cases


def share(name: str) -> list[vectors.Case]:
    """Six of a set's 52: internal, pure and pre-hashed, deterministic and hedged; each set another pre-hash."""
    cases, found = signatures(name), []
    for hedged in (False, True):
        rows = [case for case in cases if (case.opt_rand is not None) == hedged]
        hashes = sorted(
            (case for case in rows if case.interface not in ("internal", "pure")), key=lambda c: c.interface
        )
        found.append(next(case for case in rows if case.interface == "internal"))
        found.append(next(case for case in rows if case.interface == "pure"))
        found.append(hashes[list(SETS).index(name)])
    return found


@pytest.mark.parametrize("name", SETS)
def test_a_share_of_the_slhdsa_signatures(name: str) -> None:
    assert [case.name for case in share(name) if made(case) != case.signature] == []


def test_the_share_covers_every_prehash() -> None:
    """The 12 sets' shares together sign with each of the 12 hashes."""
    assert len({case.interface for name in SETS for case in share(name)}) == 14


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_every_slhdsa_signature(name: str) -> None:
    assert [case.name for case in signatures(name) if made(case) != case.signature] == []


@pytest.mark.parametrize("name", SETS)
def test_every_published_slhdsa_signature_verifies(name: str) -> None:
    assert [case.name for case in signatures(name) if not accepted(case)] == []
