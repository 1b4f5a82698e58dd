"""A new user's review: few rows, another condition, nothing but what the tables need."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from equipoise.cli import equipoise
from equipoise.report.answer import Answer
from equipoise.report.build import answer_question, statements_of
from equipoise.review.reading import read

SEEN = "https://example.org/trial,abstract,primary"
TABLES = {
    "outcomes.csv": """outcome,label,kind,type,lower_is_better,scales,definition
duration,Duration of symptoms,benefit,continuous,true,diary,Days with symptoms
nausea,Nausea,harm,binary,true,count,
""",
    "interventions.csv": f"""name,node,class,role,synonyms,status,source_url,source_kind,source_quality
zinc,zinc,mineral,supplement,zinc gluconate,,{SEEN}
honey,honey,food,supplement,,,{SEEN}
echinacea,echinacea,herb,supplement,,,{SEEN}
placebo,placebo,placebo,control,,,{SEEN}
""",
    "studies.csv": f"""study_id,citation,title,design,species,condition,n_total,interventions,source_url,source_kind,source_quality
a,"Ash A, 2001, Journal",A trial,rct-parallel,human,common cold,100,zinc; placebo,{SEEN}
b,"Birch B, 2005, Journal",Another trial,rct-parallel,human,common cold,150,zinc; honey; placebo,{SEEN}
""",
    "arms.csv": f"""study_id,outcome,treatment,n,mean,sd,events,source_url,source_kind,source_quality
a,duration,zinc,50,5.0,2.0,,{SEEN}
a,duration,placebo,50,7.0,2.0,,{SEEN}
b,duration,zinc,50,5.5,2.0,,{SEEN}
b,duration,honey,50,6.5,2.0,,{SEEN}
b,duration,placebo,50,7.0,2.0,,{SEEN}
a,nausea,zinc,50,,10,,{SEEN}
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "colds"
    CliRunner().invoke(equipoise, ["new", str(made), "--question", "Does zinc help with the common cold?"])
    for name, text in TABLES.items():
        (made / name).write_text(text.replace(",10,,https", ",,10,https"), encoding="utf-8")
    return made


def ask(folder: Path, question: str) -> Answer:
    return answer_question(question, [read(folder)])


def everything(answer: Answer) -> str:
    return "\n".join(s.text for part in answer.sections for block in part.blocks for s in statements_of(block))


def test_it_is_answered_without_stating_an_analysis(folder: Path) -> None:
    answer = ask(folder, "Does zinc gluconate help with the common cold?")
    assert answer.title == "Does zinc help with common cold?"
    assert "zinc" in answer.verdict.text.casefold()
    assert "two trials, 200 participants" in answer.verdict.text
    assert "The review states no analysis" in "\n".join(rule.text for rule in answer.rules)


def test_an_arm_that_nothing_can_be_compared_with_is_left_out_with_its_reason(folder: Path) -> None:
    answer = ask(folder, "zinc for common cold")
    assert [item.why for item in answer.left_out] == ["no other arm of the trial has usable data to compare it with"]


def test_a_three_arm_trial_compares_all_its_arms(folder: Path) -> None:
    answer = ask(folder, "Is zinc better than honey for the common cold?")
    assert "compared with honey" in answer.verdict.text
    assert "one trial, 100 participants" in answer.verdict.text


def test_what_the_review_does_not_hold_is_said(folder: Path) -> None:
    text = everything(ask(folder, "zinc for common cold"))
    for part in ("no safety statement about zinc", "no statement on how zinc might act", "No animal study of zinc"):
        assert part in text


def test_a_treatment_named_nowhere_else_is_untested_not_ineffective(folder: Path) -> None:
    answer = ask(folder, "echinacea for common cold")
    assert answer.verdict.text == (
        "This review holds no randomised trial of echinacea for common cold and nothing else that bears on whether it helps."
    )
    assert "Untested does not mean ineffective" in answer.summary[0].text


def test_an_empty_review_says_that_nothing_is_covered(tmp_path: Path) -> None:
    CliRunner().invoke(equipoise, ["new", str(tmp_path / "new"), "--question", "Does zinc help with colds?"])
    result = CliRunner().invoke(equipoise, ["answer", "zinc for colds", "--review", str(tmp_path / "new")])
    assert result.exit_code == 2
    assert "has no treatments yet; add them to interventions.csv" in result.output
    assert "equipoise new" not in result.output
