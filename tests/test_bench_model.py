"""What hbss bench compares times with: hash calls by function, and the model of one signature."""

from __future__ import annotations

from typing import Any

import pytest

from hbss import costs, params
from hbss.bench import model
from hbss.bench.limit import Times
from hbss.bench.model import Work
from hbss.params import rows_of

LMS = "LMS_SHA256_M32_H5_W4"
FIXED = {name: Times(best=10, step=160, block=50) for name in ("SHA-256", "SHA-512", "SHAKE128", "SHAKE256")}


# ---- hash calls by function ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", params.rows().values(), ids=lambda row: row.name)
def test_only_slhdsa_sha2_above_category_one_has_two_functions(row: Any) -> None:
    """What is counted by function adds up to what is counted."""
    found = costs.split([row])
    two = row.scheme == "SLH-DSA" and row.function == "SHA-256" and row.n > 16
    assert set(found.verify) == {row.function, "SHA-512"} if two else {row.function}
    assert costs.of([row]) == tuple(round(sum(calls.values())) for calls in (found.keygen, found.sign, found.verify))
    top = found.keygen.total - costs.signing_leaf(row).total if row.scheme == "SLH-DSA" else 0
    assert found.sign.total - found.sign_cached.total == pytest.approx(top)


def test_two_functions_counted_by_hand() -> None:
    """192s: 512 leaves of 51 chains (SHA-256), each packed by 10 blocks of SHA-512, and the nodes above them."""
    found = costs.split([params.rows()["SLH-DSA-SHA2-192s"]])
    assert found.keygen == {"SHA-256": 512 * 51 * 16, "SHA-512": 512 * 10 + 511}
    leaves = 17 << 14  # FORS
    assert found.sign["SHA-256"] == 7 * found.keygen["SHA-256"] + 2 * leaves


def test_an_hss_of_two_functions() -> None:
    """Each level is counted with its own."""
    rows = rows_of("LMS_SHA256_M32_H5_W4+LMS_SHAKE_M32_H5_W4")
    found = costs.split(rows)
    assert set(found.keygen) == {"SHA-256"}
    assert set(found.sign) == {"SHAKE256"}
    assert set(found.verify) == {"SHA-256", "SHAKE256"}


def test_a_subtree_of_all_leaves_is_the_tree() -> None:
    """And one of half of them costs half, but for the topmost node."""
    row = params.rows()["XMSS-SHA2_10_256"]
    assert costs.tree(row, 10) == costs.tree(row) == {"SHA-256": 1024 * 4550 + 1023 * 6}
    assert 2 * costs.tree(row, 9).total + 6 == costs.tree(row).total


# ---- the model -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "lanes", "steps"),
    [
        ([5, 4, 3, 3, 2, 1], 2, 9),  # 5 3 1 | 4 3 2
        ([3, 3, 2, 2, 2], 2, 7),  # 3 2 2 | 3 2: longest first is not always the best
        ([7], 16, 7),
        ([3] * 5, 2, 9),
        ([0, 0, 0], 2, 0),
        ([], 4, 0),
        ([4, 1, 6], 1, 11),
    ],
)
def test_packing_by_hand(lengths: list[int], lanes: int, steps: int) -> None:
    """Longest first, and a free lane takes the next."""
    assert model.packed(lengths, lanes) == steps


def test_work_goes_the_quicker_way() -> None:
    """Rows of lanes, or one after another."""
    work = [Work("SHA-256", items=5, calls=2, times=3)]
    assert model.nanoseconds(work, {"SHA-256": Times(0, 10, 4)}, lambda _: 4) == 2 * 3 * 20  # two rows
    assert model.nanoseconds(work, {"SHA-256": Times(0, 10, 3)}, lambda _: 4) == 2 * 3 * 15
    assert model.nanoseconds([*work, *work], {"SHA-256": Times(0, 10, 3)}, lambda _: 4) == 2 * 90


@pytest.mark.parametrize("name", [*params.rows(), f"{LMS}+LMS_SHAKE_M24_H5_W8+{LMS}"])
def test_in_one_lane_the_model_is_the_count(name: str) -> None:
    """Nothing is forgotten or counted twice: with one lane, every hash call of the standard takes its turn."""
    rows = rows_of(name)
    one = dict.fromkeys(FIXED, Times(1, 1, 1))
    found = costs.split(rows)
    assert model.nanoseconds(model.verifying(rows, lambda _: 1), one, lambda _: 1) == pytest.approx(
        found.verify.total, rel=0.02
    )
    if rows[0].scheme == "SLH-DSA":
        with pytest.raises(ValueError, match="no one-signature model"):
            model.signing(rows, lambda _: 1)
    else:
        assert model.nanoseconds(model.signing(rows, lambda _: 1), one, lambda _: 1) == pytest.approx(
            found.sign.total, rel=0.02
        )


def test_lms_by_hand() -> None:
    """W4: 67 chains in 16 lanes; then K (34 blocks), the leaf (1) and five nodes (2 each) wait for one another."""
    steps = model.mean_steps(4, 64, 3, 16, False)
    works = model.verifying(rows_of(LMS), lambda _: 16)
    assert model.nanoseconds(works, FIXED, lambda _: 16) == pytest.approx(steps * 160 + (2 + 34 + 1 + 5 * 2) * 50)
    assert 31 < steps < 40  # 67 chains of 7.5 steps each fill 16 lanes for 31.4, if they could be cut


def test_xmss_by_hand() -> None:
    """An L-tree's levels have 33, 17, 8, 4, 2, 1, 1 pairs; a node is three PRFs side by side, and three blocks of H."""
    steps = model.mean_steps(4, 64, 3, 16, False)
    rows = {33: (7, 3), 17: (4, 2), 8: (2, 1), 4: (1, 1), 2: (1, 100 / 160)}  # of PRFs and of H, in steps of 160 ns
    levels = sum(prf * 160 + 3 * h * 160 for prf, h in rows.values())
    nodes = (2 + 10) * (3 * 50 + 3 * 50)  # the last two levels and the way up: in one lane
    works = model.verifying(rows_of("XMSS-SHA2_10_256"), lambda _: 16)
    assert [work for work in works if work.items == 33] == [Work("SHA-256", 33, 3)]
    message = next(work.calls for work in works)
    expected = message * 50 + steps * 4 * 160 + levels + nodes
    assert model.nanoseconds(works, FIXED, lambda _: 16) == pytest.approx(expected)


def test_slhdsa_by_hand() -> None:
    """128s: 14 FORS trees side by side, then seven layers one after another."""
    steps = model.mean_steps(4, 32, 3, 16, False)
    works = model.verifying(rows_of("SLH-DSA-SHA2-128s"), lambda _: 16)
    forest, layer = 160 + 12 * 160 + 4 * 50, steps * 160 + 10 * 50 + 9 * 50
    message = works[0].calls * 50
    assert model.nanoseconds(works, FIXED, lambda _: 16) == pytest.approx(message + forest + 7 * layer)
