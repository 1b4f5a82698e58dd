"""The stated rules that sentences may rest on, as data."""

from __future__ import annotations

from equipoise.report.answer import Rule

_CORE_GRADE = "Core GRADE, BMJ 2025;389"

RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "no-trial-no-effect",
            "Without a controlled trial there is no effect to state",
            "Whether a treatment helps people is answered by comparisons between people who did and did not get it. "
            "Where the review holds no randomised trial of the treatment for the condition, the answer says so first and "
            "states no effect.",
            "GRADE handbook, section 5 (study design as the starting point)",
        ),
        Rule(
            "absent-is-not-ineffective",
            "Untested is not ineffective",
            "A treatment without trials is missing from a comparison; nothing follows about whether it works.",
            "Cochrane Handbook 15.6.4 (no evidence of effect against evidence of no effect)",
        ),
        Rule(
            "streams-apart",
            "Lines of evidence stay apart",
            "Uncontrolled reports, animal and laboratory findings and mechanisms are shown beside the trials and never "
            "raise the certainty about an effect in people.",
            "GRADE guidance on indirectness; Hooijmans 2018 (certainty of animal evidence)",
        ),
        Rule(
            "uncontrolled-very-low",
            "Uncontrolled reports give very low certainty",
            "Case reports and series have no comparison group: improvement may be the natural course, expectation or "
            "another treatment.",
            "GRADE handbook, section 5; JBI critical appraisal of case reports",
        ),
        Rule(
            "informative-statements",
            "Words follow certainty and size",
            "High: reduces; moderate: probably reduces; low: may reduce; very low: the evidence is very uncertain. "
            "Large, slightly and little to no difference follow from the size of the effect.",
            "Santesso 2020, GRADE guidelines 26, J Clin Epidemiol 119:126-135",
        ),
        Rule(
            "sizes",
            "What counts as large",
            "A standardised difference below the smallest important one is trivial, then small up to 0.5, moderate up to 0.8, "
            "large beyond. A ratio is appreciable beyond the smallest important one and large beyond 2.",
            "Cohen 1988; Cochrane Handbook 15.5.3.1; GRADE guidelines 6 and 9",
        ),
        Rule(
            "grade-risk-of-bias",
            "Risk of bias",
            "No level down when trials at low risk of bias carry at least 55% of the weight; one level otherwise, two when "
            "every trial is at high risk in more than one domain. Trials nobody appraised count as one level until somebody "
            "does.",
            f"{_CORE_GRADE}:e083865 (rating down for risk of bias); limit for unappraised trials: Equipoise",
        ),
        Rule(
            "grade-inconsistency",
            "Inconsistency",
            "One level down when trials on the other side of the threshold carry at least 10% of the weight and intervals "
            "disagree; two when they carry 30% and the prediction interval spans important benefit and harm.",
            f"{_CORE_GRADE}:e081905 (which side of the threshold); limits: Equipoise",
        ),
        Rule(
            "grade-indirectness",
            "Indirectness",
            "One level down when the trials studied another condition, or when no trial compared the two treatments directly.",
            f"{_CORE_GRADE}:e083866",
        ),
        Rule(
            "grade-imprecision",
            "Imprecision",
            "One level down when the 95% interval crosses one threshold of importance, two when it includes important benefit "
            "and important harm, or (for a ratio) when its upper bound is more than 3 times (odds ratio 2.5 times) its lower. "
            "A large effect from fewer participants than the optimal information size goes down one level, two when below "
            "30% of it; a moderate effect goes down one level when below 30%.",
            f"{_CORE_GRADE}:e081904; Zeng 2022, GRADE guidance 34, J Clin Epidemiol 150:216-224",
        ),
        Rule(
            "grade-publication-bias",
            "Publication bias",
            "One level down when at least 20% of the participants took part in trials that report no usable result for the "
            "outcome. With fewer than ten trials small-study effects can't be tested.",
            f"{_CORE_GRADE}:e083865; limit: Equipoise",
        ),
        Rule(
            "optimal-information-size",
            "How large a trial must be",
            "Participants needed in two equal arms for a two-sided error of 5% and a power of 80%: "
            "2 × 2 (z₀.₉₇₅ + z₀.₈₀)² / d² for a standardised difference d.",
            "Guyatt 2011, GRADE guidelines 6, J Clin Epidemiol 64:1283-1293",
        ),
        Rule(
            "disagreement",
            "When two results disagree",
            "Two estimates of the same comparison, outcome and measure disagree when either lies outside the other's 95% "
            "interval, or when one interval excludes no effect and the other doesn't.",
            "Equipoise",
        ),
        Rule(
            "no-statement-no-safety",
            "Silence is not safety",
            "Where the review holds no statement about a risk, nothing follows about how safe the treatment is.",
            "Equipoise",
        ),
        Rule(
            "ask-first",
            "Decisions belong with a clinician who knows the person",
            "An answer about evidence can't weigh one person's other conditions and medicines. Starting, stopping or "
            "replacing a treatment is decided with a clinician.",
            "Equipoise",
        ),
        Rule(
            "selection",
            "Which row of a trial is used",
            "For each trial and outcome: arm-level data with a spread or counts first, then results reported as a difference "
            "in the measure analysed, then differences turned into it by their p-value or interval. Of several time points "
            "the one with most participants is used. Doses of one treatment are combined. A report that pools trials is used "
            "only where it covers more participants than the trials themselves.",
            "Cochrane Handbook 6.2 to 6.5 and 23.3.4",
        ),
        Rule(
            "network-model",
            "How trials were combined",
            "Network meta-analysis by generalised least squares with the covariances of multi-arm trials, random effects with "
            "one heterogeneity variance per connected network (restricted maximum likelihood), 95% intervals from the normal "
            "distribution.",
            "Lu 2011; White 2012, Res Synth Methods 3:111-125; Rücker 2012, Res Synth Methods 3:312-324",
        ),
        Rule(
            "path-standing",
            "How well a causal path is supported",
            "A path is as strong as its weakest link: supported, disputed (tested with both results), proposed (not tested "
            "directly) or opposed (tested and not found, or found the other way).",
            "Equipoise",
        ),
    )
}
