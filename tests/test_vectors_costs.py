"""The vectors themselves: untouched, counted, and which of them are verified only because their trees are too large."""

from __future__ import annotations

import pytest

from tests import budget, vectors
from tests.model.schemes.lms.params import SETS as LMS_SETS

NAMES = sorted(vectors.digests())


@pytest.mark.parametrize("source", ["LMS-", "SLH-DSA-", "hash-sigs/", "liboqs/", "pqc-kat/LMS/", "pqc-kat/XMSS/"])
def test_texts_have_the_digests_of_their_manifest(source: str) -> None:
    for name in NAMES:
        if name.startswith(source):
            vectors.text(name)


def test_a_changed_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest check can fail."""
    name = "hash-sigs/test_testvector.c"
    monkeypatch.setitem(vectors.digests(), name, "00" * 32)
    with pytest.raises(ValueError, match="differs from the digest"):
        vectors.text(name)


def test_how_many_vectors_there_are() -> None:
    """A loader that quietly finds fewer would make every other test pass."""
    counts = {kind: (len(vectors.lms(kind)), len(vectors.xmss(kind)), len(vectors.slhdsa(kind))) for kind in KINDS}
    assert counts == {"keyGen": (1033, 72, 120), "sigGen": (1022, 40, 624), "sigVer": (336, 64, 504)}
    assert (len(vectors.hss()), len(vectors.xmss_liboqs())) == (20, 37)


KINDS = ("keyGen", "sigGen", "sigVer")


def test_sets_that_are_verified_only() -> None:
    """Trees of 2^25 leaves are never built by these tests; every other published set's are, at the latest when long."""
    published = {case.set for kind in KINDS for case in vectors.lms(kind) + vectors.xmss(kind)}
    published |= {case.set for case in vectors.xmss_liboqs()}
    found = {name for name in published if budget.verified_only(name)}
    assert found == {name for name in LMS_SETS if "_H25_" in name}
    assert len(found) == 16
