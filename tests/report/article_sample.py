"""An invented answer for the tests of the report: treatments, trials and numbers are all made up.

It holds what pages break on: markup and script addresses in texts, long names, a treatment without trials, two
subnetworks, ratios and differences, an interval far outside the others, sentences with many grounds.
"""

from __future__ import annotations

from equipoise.report.answer import (
    SCHEMA_VERSION,
    Answer,
    Bullets,
    CausalPath,
    Cell,
    Certainty,
    Derivation,
    DomainRating,
    Figures,
    ForestPlot,
    ForestRow,
    FrequentQuestion,
    Ground,
    Interpretation,
    LeftOut,
    LineOfEvidence,
    NetworkEdge,
    NetworkGraph,
    NetworkNode,
    Paragraph,
    PathLink,
    References,
    ResultCard,
    Rule,
    Section,
    SourceRow,
    Statement,
    StudyCard,
    Subheading,
    Table,
    TableRow,
)

SCRIPT_TITLE = "<script>alert('title')</script> & a trial of “borvanil” in <b>wobble syndrome</b>"
SCRIPT_URL = "javascript:alert(document.domain)"

AUTHORS = (
    "Abelard", "Brightwater", "Castellan", "Dunmore", "Eastleigh", "Fairweather", "Garrick", "Holloway",
    "Inverarity", "Jellicoe", "Kestrel", "Lamplugh",
)  # fmt: skip
TRIALS = (
    # treatment, n treatment, n comparator, mean difference, low, high, weight
    ("Borvanil", 79, 76, -3.2, -4.4, -2.0, 14.8),
    ("Borvanil", 45, 44, -2.4, -3.9, -0.9, 11.2),
    ("Borvanil", 112, 109, -2.9, -3.8, -2.0, 17.9),
    ("Quillamine", 58, 59, -1.9, -3.2, -0.6, 12.6),
    ("Quillamine", 149, 73, -1.4, -2.4, -0.4, 15.9),
    ("Tocopherex (high dose, modified release)", 40, 38, -0.9, -2.6, 0.8, 9.4),
    ("Tocopherex (high dose, modified release)", 12, 11, -5.8, -12.9, 1.3, 0.9),
    ("Ginkoril", 78, 79, -2.1, -3.1, -1.1, 15.8),
    ("Ginkoril", 9, 8, 1.2, -1.7, 4.1, 1.5),
)
"""Mean differences from placebo in the invented Wobble Severity Score (0 to 28)."""


def on(*grounds: str) -> tuple[Ground, ...]:
    """``on("result:x", "rule:y")``."""
    return tuple(Ground(kind, name) for kind, name in (text.split(":", 1) for text in grounds))  # type: ignore[arg-type]


def says(text: str, *grounds: str) -> Statement:
    return Statement(text, on(*grounds))


def _study(index: int) -> StudyCard:
    author = AUTHORS[index]
    hostile = index == 1
    return StudyCard(
        id=f"{author.lower()}-{2001 + index}",
        number=index + 1,
        citation=f"{author} A, Example B, Sample C, et al. Journal of Invented Medicine {2001 + index};{index + 3}:101–109.",
        title=SCRIPT_TITLE
        if hostile
        else f"{TRIALS[index][0] if index < 9 else 'Magnorex'} in wobble syndrome: a study made up for testing",
        year=2001 + index,
        design="randomised, parallel" if index < 9 else ("animal" if index < 11 else "case report"),
        condition="wobble syndrome" if index < 9 else "wobble model in rats",
        participants=TRIALS[index][1] + TRIALS[index][2] if index < 9 else None,
        funding="Invented Pharma Ltd" if index % 2 else "",
        seen="full text" if index % 3 else "abstract",
        doi=f"10.99999/jim.{2001 + index}.{index:03d}" if index != 4 else "not a doi <i>at all</i>",
        pmid=str(90000001 + index) if index % 2 == 0 else "",
        registry="NCT99999901; ISRCTN99999902" if index == 2 else "",
        source_url=SCRIPT_URL if hostile else f"https://example.org/papers/{author.lower()}",
        source_kind="full-text" if index % 3 else "abstract",
        source_quality=("primary", "official", "secondary", "low")[index % 4],
        label=f"{author} {2001 + index}",
        rows=(f"arms:{2 * index + 2}", f"arms:{2 * index + 3}") if index < 9 else (f"findings:{index - 7}",),
    )


def _rows() -> tuple[SourceRow, ...]:
    rows: list[SourceRow] = []
    for index, (treatment, n_treatment, n_comparator, difference, _, _, _) in enumerate(TRIALS):
        study = _study(index)
        for offset, (name, n, mean) in enumerate(
            ((treatment, n_treatment, difference - 0.4), ("Placebo", n_comparator, -0.4))
        ):
            rows.append(
                SourceRow(
                    id=f"arms:{2 * index + 2 + offset}",
                    table="arms",
                    line=2 * index + 2 + offset,
                    study=study.id,
                    cells=(
                        Cell("study_id", study.id),
                        Cell("outcome", "Severity"),
                        Cell("treatment", name),
                        Cell("n", str(n)),
                        Cell("mean", f"{mean:.1f}"),
                        Cell("ci_low", f"{mean - 1.1:.1f}"),
                        Cell("ci_high", f"{mean + 1.1:.1f}"),
                        Cell(
                            "note", "<img src=x onerror=alert(1)> | pipes & *stars*" if index == 1 else "per protocol"
                        ),
                    ),
                    source_url=study.source_url,
                    source_kind=study.source_kind,
                    source_quality=study.source_quality,
                )
            )
    for line, index in ((2, 9), (3, 10), (4, 11)):
        study = _study(index)
        rows.append(
            SourceRow(
                id=f"findings:{line}",
                table="findings",
                line=line,
                study=study.id,
                cells=(
                    Cell("stream", "animal" if index < 11 else "case report"),
                    Cell("intervention", "Magnorex"),
                    Cell("direction", "fewer movements" if index != 10 else "no difference"),
                    Cell("detail", "Twelve invented rats were given 20 mg/kg a day for four weeks."),
                ),
                source_url=study.source_url,
                source_kind=study.source_kind,
                source_quality=study.source_quality,
            )
        )
    rows.append(
        SourceRow(
            id="mechanisms:2",
            table="mechanisms",
            line=2,
            study=None,
            cells=(Cell("subject", "Magnorex"), Cell("relation", "blocks"), Cell("object", "wobble receptors")),
            source_url="https://example.org/monograph?a=1&b=2",
            source_kind="monograph",
            source_quality="secondary",
        )
    )
    rows.append(
        SourceRow(
            id="safety:2",
            table="safety",
            line=2,
            study=None,
            cells=(
                Cell("substance", "Magnorex"),
                Cell("kind", "contraindication"),
                Cell("with", "severe kidney failure"),
                Cell("effect", "accumulation"),
            ),
            source_url="https://example.org/label",
            source_kind="label",
            source_quality="official",
        )
    )
    return tuple(rows)


def _results() -> tuple[ResultCard, ...]:
    results: list[ResultCard] = []
    for index, (treatment, n_treatment, n_comparator, difference, low, high, weight) in enumerate(TRIALS):
        study = _study(index)
        results.append(
            ResultCard(
                id=f"study/{study.id}",
                kind="study",
                label=f"{AUTHORS[index]} {study.year}: {treatment} compared with placebo",
                outcome="Severity (Wobble Severity Score)",
                treatment=treatment,
                comparator="Placebo",
                measure="MD",
                figures=Figures(difference, low, high),
                studies=1,
                participants=n_treatment + n_comparator,
                weight=weight,
                method="Mean difference of change from baseline",
                rows=study.rows,
                derivations=(
                    Derivation(
                        row=study.rows[0],
                        quantity="standard deviation",
                        value=4.987654 + index,
                        formula="SD = √n × (upper − lower) / (2 × t)",
                        source="Cochrane Handbook, section 6.5.2.3",
                    ),
                ),
            )
        )
    for treatment, figures, k, n in (
        ("Borvanil", Figures(-2.90, -3.70, -2.10), 3, 465),
        ("Quillamine", Figures(-1.60, -2.50, -0.70), 2, 339),
        ("Tocopherex (high dose, modified release)", Figures(-1.10, -2.90, 0.70), 2, 101),
        ("Ginkoril", Figures(-1.80, -2.90, -0.70), 2, 174),
    ):
        parts = tuple(f"study/{_study(index).id}" for index, trial in enumerate(TRIALS) if trial[0] == treatment)
        for kind in ("direct", "network"):
            results.append(
                ResultCard(
                    id=f"{kind}/{treatment}/Placebo",
                    kind=kind,
                    label=f"{treatment} compared with placebo ({kind} estimate)",
                    outcome="Severity (Wobble Severity Score)",
                    treatment=treatment,
                    comparator="Placebo",
                    measure="MD",
                    figures=figures,
                    prediction=Figures(figures.estimate, figures.ci_low - 0.9, figures.ci_high + 0.9),
                    p="< 0.001" if figures.ci_high < -0.5 else "0.23",
                    tau2=0.2143,
                    i2=38.2,
                    studies=k,
                    participants=n,
                    method="Random effects, REML; network by generalised least squares"
                    if kind == "network"
                    else "Random effects, REML",
                    parts=parts,
                    notes=("One trial randomised clusters; its variance was not inflated.",) if k == 3 else (),
                )
            )
    results.append(
        ResultCard(
            id="count/magnorex",
            kind="count",
            label="Randomised trials of Magnorex in wobble syndrome",
            treatment="Magnorex",
            studies=0,
            participants=0,
            method="Counted in the tables arms and contrasts",
            notes=("No row of either table names Magnorex.",),
        )
    )
    for name, figures in (
        ("Borvanil", Figures(3.9, 2.1, 7.2)),
        ("Quillamine", Figures(2.4, 1.3, 4.6)),
        ("Ginkoril", Figures(1.15, 0.35, 3.8)),
        ("Tocopherex (high dose, modified release)", Figures(1.9, 0.02, 180.0)),
    ):
        results.append(
            ResultCard(
                id=f"responders/{name}",
                kind="direct",
                label=f"Response: {name} compared with placebo",
                outcome="Response (≥ 50% better)",
                treatment=name,
                comparator="Placebo",
                measure="OR",
                figures=figures,
                studies=2,
                participants=200,
                method="Mantel–Haenszel",
                rows=("arms:2", "arms:3"),
            )
        )
    results.append(
        ResultCard(
            id="published/review-2019",
            kind="published",
            label="Network meta-analysis of 2019: Borvanil compared with placebo",
            outcome="Severity",
            treatment="Borvanil",
            comparator="Placebo",
            measure="SMD",
            figures=Figures(-0.61, -0.93, -0.29),
            studies=4,
            participants=512,
            rows=("arms:2",),
        )
    )
    results.append(
        ResultCard(
            id="certainty/magnorex",
            kind="certainty",
            label="Certainty of the evidence on Magnorex",
            treatment="Magnorex",
            parts=("count/magnorex",),
            notes=("Nothing in people could be rated.",),
        )
    )
    return tuple(results)


RULES = (
    Rule(
        id="no-trials-no-rating",
        title="No rating without evidence in people",
        text="Where no study in people can be rated, no certainty is given. Findings in animals or in the laboratory "
        "never raise the certainty for people.",
        source="GRADE handbook, chapter 5; stated in the review's protocol",
    ),
    Rule(
        id="absent-is-not-ineffective",
        title="Absent from the network",
        text="A treatment that no trial connects to the others has no estimate; nothing follows about its effect.",
        source="The review's protocol",
    ),
    Rule(
        id="wording",
        title="Informative statements",
        text="The words for size and certainty follow a fixed table: “probably”, “may”, “very uncertain”.",
        source="Santesso et al. 2020, J Clin Epidemiol 119:126–135",
    ),
)

PATHS = (
    CausalPath(
        id="receptor-block",
        label="Magnorex may calm wobble receptors",
        sign=-1,
        links=(
            PathLink("Magnorex", "blocks", "wobble receptors", ("mechanisms:2",), (), ()),
            PathLink(
                "wobble receptors", "increase", "wobble syndrome", ("findings:2",), ("findings:3",), ("findings:4",)
            ),
        ),
    ),
)


def severity_plot() -> ForestPlot:
    rows = [
        ForestRow(
            result=f"study/{_study(index).id}",
            label=f"{AUTHORS[index]} {2001 + index}",
            detail=f"{trial[1]} v {trial[2]} participants",
            figures=Figures(*trial[3:6]),
            weight=trial[6],
            role="study",
            group=trial[0],
        )
        for index, trial in enumerate(TRIALS)
    ]
    borvanil = next(result for result in _results() if result.id == "network/Borvanil/Placebo")
    assert borvanil.figures is not None
    assert borvanil.prediction is not None
    rows += [
        ForestRow(borvanil.id, "Borvanil, network estimate", "3 trials, 465 participants", borvanil.figures, None, "summary", "Pooled"),
        ForestRow(borvanil.id, "Where a new trial would fall", "95% prediction interval", borvanil.prediction, None, "prediction", "Pooled"),
        ForestRow("published/review-2019", "Published synthesis of 2019", "SMD, shown for its direction only", Figures(-0.61, -0.93, -0.29), None, "published", "Pooled"),
    ]  # fmt: skip
    return ForestPlot(
        title="Severity: each treatment compared with placebo",
        description="Nine trials of four treatments; Borvanil has the largest difference, three trials agree.",
        measure="Mean difference in Wobble Severity Score (0 to 28 points)",
        logarithmic=False,
        null=0.0,
        left_label="Favours treatment",
        right_label="Favours placebo",
        rows=tuple(rows),
        important=(-1.0, 1.0),
    )


def response_plot() -> ForestPlot:
    return ForestPlot(
        title="Response: at least half as severe as before",
        description="Odds ratios for four treatments compared with placebo.",
        measure="Odds ratio",
        logarithmic=True,
        null=1.0,
        left_label="Favours placebo",
        right_label="Favours treatment",
        rows=tuple(
            ForestRow(result.id, result.treatment, "2 trials", result.figures, None, "summary")
            for result in _results()
            if result.id.startswith("responders/") and result.figures is not None
        ),
        important=(0.8, 1.25),
    )


def network() -> NetworkGraph:
    names = (
        ("Placebo", 613, 9, "control", 0),
        ("Borvanil", 236, 3, "conventional", 0),
        ("Quillamine", 207, 2, "conventional", 0),
        ("Tocopherex (high dose, modified release)", 52, 2, "supplement", 0),
        ("Ginkoril", 87, 2, "supplement", 0),
        ("Usual care with a very long description of what usual care was", 30, 1, "control", 1),
        ("Electro-acupuncture & “herbs” <b>", 31, 1, "investigational", 1),
    )
    return NetworkGraph(
        title="Which treatments were compared",
        description="Five treatments meet through placebo; two others were only compared with each other.",
        nodes=tuple(
            NetworkNode(name, n, k, role, asked=name == "Quillamine", subnetwork=part)
            for name, n, k, role, part in names
        ),
        edges=(
            NetworkEdge("Borvanil", "Placebo", 3, 465, "direct/Borvanil/Placebo"),
            NetworkEdge("Quillamine", "Placebo", 2, 339, "direct/Quillamine/Placebo"),
            NetworkEdge("Tocopherex (high dose, modified release)", "Placebo", 2, 101),
            NetworkEdge("Ginkoril", "Placebo", 2, 174, "direct/Ginkoril/Placebo"),
            NetworkEdge("Borvanil", "Quillamine", 1, 60),
            NetworkEdge(names[5][0], names[6][0], 1, 61),
        ),
        absent=("Magnorex", "Zincovite"),
    )


def _comparison() -> Table:
    def row(
        name: str, mechanism: str, evidence: str, effect: str, certainty: str, side: str, use: str, *on_: str
    ) -> TableRow:
        return TableRow(
            header=name,
            cells=tuple(
                (says(text, *on_),) if text else () for text in (mechanism, evidence, effect, certainty, side, use)
            ),
            emphasised=name == "Magnorex",
        )

    return Table(
        caption="Magnorex beside the treatments that doctors use",
        columns=("Treatment", "How it works", "Evidence in people", "Difference from placebo (95% CI)", "Certainty", "Side effects", "Use"),
        rows=(
            row("Magnorex", "Blocks wobble receptors", "No randomised trial", "", "Not rated", "Loose stools", "Not licensed for this", "count:magnorex".replace("count:", "result:count/")),
            row("Borvanil", "Empties wobble stores", "3 trials, 465 people", "−2.90 (−3.70 to −2.10)", "Moderate", "Sleepiness, 1 in 10", "Licensed; 40 to 80 mg a day", "result:network/Borvanil/Placebo"),
            row("Quillamine", "Empties wobble stores", "2 trials, 339 people", "−1.60 (−2.50 to −0.70)", "Low", "Low mood", "Licensed; 12 to 48 mg a day", "result:network/Quillamine/Placebo", "rule:wording"),
            row("Tocopherex (high dose, modified release)", "Antioxidant", "2 trials, 101 people", "−1.10 (−2.90 to 0.70)", "Very low", "Few reported", "Over the counter", "result:network/Tocopherex (high dose, modified release)/Placebo"),
            row("Ginkoril", "Antioxidant", "2 trials, 174 people", "−1.80 (−2.90 to −0.70)", "Low", "Bleeding with anticoagulants", "Over the counter", "result:network/Ginkoril/Placebo"),
        ),
    )  # fmt: skip


def _sections() -> tuple[Section, ...]:
    magnorex = "result:count/magnorex"
    return (
        Section(
            "about",
            "Magnorex and wobble syndrome",
            (
                Paragraph((
                    says("Magnorex is a mineral salt that is sold as a food supplement.", "row:mechanisms:2"),
                    says("Wobble syndrome is a movement disorder that was invented for the tests of this program.", "study:abelard-2001"),
                )),
                Paragraph((says("People ask about it because the mineral takes part in the transmission between nerve and muscle.", "row:mechanisms:2"),)),
            ),
        ),
        Section(
            "mechanism",
            "How it might work",
            (
                Paragraph((
                    says("Magnorex blocks wobble receptors in cells.", "path:receptor-block"),
                    says("Whether that happens at doses that people take is not known.", "path:receptor-block", "rule:no-trials-no-rating"),
                )),
                Subheading("What is assumed, and what was shown"),
                Bullets((
                    says("The first link was shown in isolated cells.", "row:mechanisms:2"),
                    says("The second link has findings for it and against it.", "row:findings:2", "row:findings:3"),
                )),
            ),
        ),
        Section(
            "human-evidence",
            "Evidence in people",
            (
                Paragraph((
                    says("No randomised trial has tested Magnorex in wobble syndrome.", magnorex),
                    says("Nine trials tested four other treatments against placebo in 1,079 people.", *(f"result:study/{_study(index).id}" for index in range(9))),
                    says("Borvanil probably reduces severity: 2.90 points more than placebo (95% CI 2.10 to 3.70).", "result:network/Borvanil/Placebo", "rule:wording"),
                )),
                severity_plot(),
                response_plot(),
                network(),
                Paragraph((says("Because no trial connects Magnorex to the network, no estimate exists for it; that doesn't mean that it doesn't work.", magnorex, "rule:absent-is-not-ineffective"),)),
            ),
        ),
        Section("comparison", "Compared with conventional treatments", (_comparison(),)),
        Section(
            "risks",
            "Risks, and whom to ask",
            (
                Bullets((
                    says("People with severe kidney failure should not take it.", "row:safety:2"),
                    says("Text from a table stays text: <script>alert(1)</script> & <em>so on</em>.", "row:arms:4"),
                )),
            ),
        ),
        Section(
            "questions",
            "Frequent questions",
            (
                FrequentQuestion("Should I stop my medicine and take Magnorex instead?", (says("No: nothing in this answer supports that.", magnorex),)),
                FrequentQuestion("Is Magnorex <b>safe</b>?", (says("Not in severe kidney failure.", "row:safety:2"),)),
            ),
        ),
        Section("references", "References", (References(tuple(_study(index).id for index in range(12))),)),
        Section(
            "methods",
            "How this was made",
            (Paragraph((says("Trials were pooled with random effects; the between-trial variance was estimated by REML.", "rule:wording", "result:direct/Borvanil/Placebo"),)),),
        ),
    )  # fmt: skip


def sample() -> Answer:
    """The invented answer; every call makes an equal one."""
    magnorex = "result:count/magnorex"
    return Answer(
        schema=SCHEMA_VERSION,
        generator="Equipoise 0.0-test",
        interpretation=Interpretation(
            asked="does magnorx help with wobble?",
            treatment="Magnorex",
            comparator="Placebo",
            condition="Wobble syndrome",
            outcome="Severity",
            review="Invented review of wobble syndrome",
            notes=("“magnorx” was read as Magnorex.",),
        ),
        title="Does Magnorex help with wobble syndrome?",
        verdict=says("No randomised trial has tested Magnorex in people with wobble syndrome, so whether it helps is not known.", magnorex, "rule:no-trials-no-rating"),
        certainty=Certainty(
            level="very low",
            start="high",
            summary=says("The evidence is very uncertain: one case report and two studies in rats.", "result:certainty/magnorex", "study:kestrel-2011", "study:lamplugh-2012"),
            domains=(
                DomainRating("Risk of bias", -2, says("The only report in people had no control.", "study:lamplugh-2012")),
                DomainRating("Imprecision", None, says("No interval could be computed.", magnorex), needs="a trial"),
                DomainRating("Indirectness", -1, says("Two studies were in rats.", "row:findings:2"), overridden_by="A. Reviewer: one level would be too few"),
            ),
        ),
        summary=(
            says("Studies in rats point towards fewer movements, and one found no difference.", "row:findings:2", "row:findings:3"),
            says("Two conventional medicines reduce severity in randomised trials.", "result:network/Borvanil/Placebo", "result:network/Quillamine/Placebo"),
        ),
        key_points=(
            says("There is no randomised evidence for Magnorex in people.", magnorex),
            says("Findings in animals do not raise the certainty for people.", "rule:no-trials-no-rating"),
            says("Borvanil probably reduces severity (MD −2.90, 95% CI −3.70 to −2.10).", "result:network/Borvanil/Placebo", "rule:wording"),
            says("It can accumulate in severe kidney failure.", "row:safety:2"),
        ),
        lines=(
            LineOfEvidence("randomised", "Randomised trials", 0, 0, "none", says("No trial of Magnorex.", magnorex)),
            LineOfEvidence("uncontrolled", "Reports without a control", 1, 1, "uncertain", says("One case report.", "study:lamplugh-2012")),
            LineOfEvidence("animal", "Animal studies", 2, None, "mixed", says("One of two found fewer movements.", "row:findings:2", "row:findings:3")),
            LineOfEvidence("mechanism", "Mechanism", 1, None, "favours treatment", says("One path, the second link contested.", "path:receptor-block")),
            LineOfEvidence("syntheses", "Published syntheses", 1, 512, "favours comparator", says("One network meta-analysis, without Magnorex.", "result:published/review-2019")),
        ),
        compared=_comparison(),
        safety_headlines=(says("Not in severe kidney failure.", "row:safety:2"),),
        sections=_sections(),
        disclaimer="This page informs; it does not replace the advice of a doctor or pharmacist who knows you.",
        data_version="wobble-syndrome 2.1 (sha256 0123456789ab)",
        left_out=(
            LeftOut("Severity in Garrick 2007, week 26", "Open-label extension without a control", "arms:14", "garrick-2007"),
            LeftOut("Severity in <i>Holloway</i>", "No measure of spread", "", "holloway-2008"),
        ),
        results=_results(),
        studies=tuple(_study(index) for index in range(12)),
        rows=_rows(),
        rules=RULES,
        paths=PATHS,
    )  # fmt: skip
