"""Does the fit agree with published analyses, and with metafor's rma.mv given the full covariance?

Reference values: R 4.2, metafor 3.8-1, `rma.mv(y, V, mods = X, random = ~ row | study, struct = "CS", rho = 0.5)`,
printed by validation/network/rma_mv.R.
"""

from __future__ import annotations

import numpy as np
import pytest
from network_datasets import parkinson, senn
from numpy.testing import assert_allclose

from equipoise.synthesis.network import Network

CLOSED_FORM = 1e-8
ITERATIVE = 1e-6

SENN_TREATMENTS = ("acar", "benf", "metf", "migl", "piog", "rosi", "sita", "sulf", "vild")


def against(net: Network, reference: str, treatments: tuple[str, ...], **options: str) -> tuple[np.ndarray, ...]:
    fit = net.fit(reference=reference, **options)  # type: ignore[arg-type]
    column = fit.treatments.index(reference)
    rows = [fit.treatments.index(t) for t in treatments]
    return fit.estimates[rows, column], fit.standard_errors[rows, column], fit.tau2, fit.q


def test_senn_common_effect_equals_rma_mv() -> None:
    estimates, errors, _, q = against(senn(), "plac", SENN_TREATMENTS, model="common")
    assert_allclose(
        estimates,
        [
            -0.827368972010625, -0.905186449417383, -1.114110189044147, -0.943932962855602, -1.066433106870690,
            -1.201842010700702, -0.570000000000000, -0.439497150629659, -0.700000000000000,
        ],
        rtol=CLOSED_FORM,
    )  # fmt: skip
    assert_allclose(
        errors,
        [
            0.1085208454394894, 0.1270911345941323, 0.0596114775499698, 0.1269061204134135, 0.0758475068460534,
            0.0476621653308934, 0.1291000000000000, 0.0914791253722791, 0.1273000000000000,
        ],
        rtol=CLOSED_FORM,
    )  # fmt: skip
    assert_allclose(q, [96.9855530052601], rtol=CLOSED_FORM)


def test_senn_reml_equals_rma_mv() -> None:
    estimates, errors, tau2, _ = against(senn(), "plac", SENN_TREATMENTS, method="REML")
    assert_allclose(tau2, [0.099917462421], rtol=ITERATIVE)
    assert_allclose(
        estimates,
        [
            -0.841378728126425, -0.736922525790215, -1.128420286820216, -0.949908316570803, -1.129421837215138,
            -1.233741271120899, -0.570000000000000, -0.417548182196662, -0.700000000000000,
        ],
        rtol=ITERATIVE,
    )  # fmt: skip
    assert_allclose(
        errors,
        [
            0.238435895513790, 0.277602749991822, 0.149404863155914, 0.225253258482899, 0.211921034456801,
            0.123458214517768, 0.341444391403697, 0.232619087890636, 0.340767886428638,
        ],
        rtol=ITERATIVE,
    )  # fmt: skip


def test_senn_ml_equals_rma_mv() -> None:
    _, _, tau2, _ = against(senn(), "plac", SENN_TREATMENTS, method="ML")
    assert_allclose(tau2, [0.0563861333526], rtol=ITERATIVE)


def test_parkinson_equals_rma_mv_and_has_no_heterogeneity() -> None:
    for method in ("DL", "REML", "ML"):
        estimates, errors, tau2, q = against(parkinson(), "A", ("B", "C", "D", "E"), method=method)
        assert_allclose(tau2, [0.0], atol=1e-12)
        assert_allclose(q, [2.2878902505515], rtol=CLOSED_FORM)
        assert_allclose(
            estimates,
            [-1.811553321501439, -0.478111762426597, -0.523993717365620, -0.823993717365620],
            rtol=CLOSED_FORM,
        )
        assert_allclose(
            errors, [0.332668072465374, 0.486635679076970, 0.478635493810559, 0.521986252349098], rtol=CLOSED_FORM
        )


@pytest.mark.parametrize("reference", ["acar", "vild", "plac"])
def test_the_reference_changes_tables_only(reference: str) -> None:
    one, other = senn().fit(), senn().fit(reference=reference)
    assert_allclose(one.estimates, other.estimates, atol=0)
    assert set(other.effects().comparator) == {reference}


def test_the_league_table_is_consistent() -> None:
    d = senn().fit().estimates
    assert_allclose(d[:, :, None] + d[None, :, :], np.broadcast_to(d[:, None, :], (10, 10, 10)), atol=1e-12)
