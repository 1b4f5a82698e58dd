"""Random networks, and the same network written down in another order."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import strategies as st
from network_datasets import study_of_arms

from equipoise.synthesis.network import StudyContrasts


def reordered(study: StudyContrasts, order: list[int]) -> StudyContrasts:
    """The same study with its arms in another order, and so another baseline."""
    m = len(study.treatments)
    full = np.zeros((m, m))
    full[1:, 1:] = study.covariance
    levels = np.concatenate([[0.0], study.estimates])[order]
    full = full[np.ix_(order, order)]
    covariance = full[1:, 1:] - full[1:, :1] - full[:1, 1:] + full[0, 0]
    return StudyContrasts(study.study, tuple(study.treatments[i] for i in order), levels[1:] - levels[0], covariance)


def shuffled(studies: list[StudyContrasts], random: Random) -> list[StudyContrasts]:
    """The same studies in another order, and their arms too."""
    found = []
    for study in studies:
        order = list(range(len(study.treatments)))
        random.shuffle(order)
        found.append(reordered(study, order))
    random.shuffle(found)
    return found


def renamed(studies: list[StudyContrasts], names: dict[str, str]) -> list[StudyContrasts]:
    return [StudyContrasts(s.study, tuple(names[t] for t in s.treatments), s.estimates, s.covariance) for s in studies]


@st.composite
def networks(draw: st.DrawFn, effect: float = 3.0, variance: float = 0.01) -> list[StudyContrasts]:
    """Studies with two to four arms each among up to six treatments; connected or not."""
    found = []
    for k in range(draw(st.integers(1, 8))):
        arms = draw(st.lists(st.sampled_from("ABCDEF"), min_size=2, max_size=4, unique=True))
        values = {t: (draw(st.floats(-effect, effect)), draw(st.floats(variance, 4))) for t in arms}
        found.append(study_of_arms(f"s{k}", values))
    return found
