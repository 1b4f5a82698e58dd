"""Signed statements join into paths; a path is as strong as its weakest link."""

from __future__ import annotations

from equipoise.mechanism.paths import links, paths
from equipoise.review.model import Mechanism


def says(subject: str, relation: str, object_: str, status: str = "supports", treatment: str = "") -> Mechanism:
    return Mechanism(subject=subject, relation=relation, object=object_, status=status, intervention=treatment)


STATEMENTS = (
    says("drug ion", "blocks", "channel", treatment="drug"),
    says("drug", "blocks", "channel", treatment="drug"),
    says("channel", "increases", "cramps"),
    says("channel", "increases", "cramps", status="null-result"),
    says("drug", "decreases", "stress", status="hypothesis", treatment="drug"),
    says("stress", "increases", "channel"),
    says("cramps", "increases", "stress"),
    says("drug", "binds", "cramps", treatment="drug"),
)


def test_statements_with_the_same_ends_and_sign_make_one_link() -> None:
    link = next(link for link in links(STATEMENTS, ["drug"]) if link.object == "channel" and link.subject == "drug")
    assert len(link.supporting) == 2
    assert link.relation == "decreases"


def test_paths_end_at_the_target_without_going_round_in_circles() -> None:
    found = paths(STATEMENTS, ["drug"], ["cramps"])
    assert [[link.object for link in path.links] for path in found] == [
        ["channel", "cramps"],
        ["stress", "channel", "cramps"],
    ]


def test_the_sign_is_the_product_of_the_links() -> None:
    assert [path.sign for path in paths(STATEMENTS, ["drug"], ["cramps"])] == [-1, -1]
    worse = (*STATEMENTS[:1], says("channel", "decreases", "cramps"))
    assert paths(worse, ["drug"], ["cramps"])[0].sign == 1


def test_a_path_stands_as_well_as_its_weakest_link() -> None:
    direct, detour = paths(STATEMENTS, ["drug"], ["cramps"])
    assert direct.standing == "disputed"
    assert detour.standing == "proposed"


def test_binding_says_nothing_about_direction_and_starts_no_path() -> None:
    assert all(link.sign for link in links(STATEMENTS, ["drug"]))


def test_long_detours_are_cut() -> None:
    chain = [says("drug", "blocks", "a0", treatment="drug")] + [
        says(f"a{i}", "increases", f"a{i + 1}") for i in range(6)
    ]
    assert not paths(chain, ["drug"], ["a6"], longest=4)
    assert paths(chain, ["drug"], ["a6"], longest=7)
