"""Do the conversions give the numbers of the Cochrane Handbook, undo each other, and leave their trace?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from equipoise.errors import DataError
from equipoise.extraction import conversions as convert
from equipoise.synthesis.measures.effect_sizes import effect_sizes


def test_a_confidence_interval_of_a_mean_gives_its_sd() -> None:
    """30 to 34.2 among 25 people, with the tabulated t = 2.0639 on 24 degrees of freedom, or z = 1.96."""
    sd = convert.sd_from_ci(30.0, 34.2, 25)
    assert_allclose(sd.value, 5 * 4.2 / (2 * 2.0638985616280205), rtol=1e-9)
    assert_allclose(convert.sd_from_ci(30.0, 34.2, 25, distribution="z").value, 5 * 4.2 / 3.919927969080108, rtol=1e-9)


def test_a_t_value_gives_the_sd_of_two_groups() -> None:
    """Cochrane Handbook 5.1, 7.7.3.3: MD 3.8, p = 0.008 for 25 and 22 people gives t = 2.78 and SE = 1.37."""
    se = convert.se_from_p(3.8, 0.008, df=45)
    assert_allclose(3.8 / se.value, 2.78, atol=0.005)
    assert_allclose(se.value, 1.37, atol=0.005)
    assert_allclose(
        convert.sd_from_difference_se(se.value, 25, 22).value, se.value / math.sqrt(1 / 25 + 1 / 22), rtol=1e-12
    )


def test_an_interval_of_a_ratio_gives_the_standard_error_of_its_log() -> None:
    """The log interval's width over 3.92; a ratio that isn't near its middle is noted."""
    se = convert.se_from_ratio_ci(0.47, 0.25, 0.88)
    assert_allclose(se.value, (math.log(0.88) - math.log(0.25)) / 3.919927969080108, rtol=1e-9)
    assert se.notes == ()
    assert "off its middle" in convert.se_from_ratio_ci(0.30, 0.25, 0.88).notes[0]


def test_a_crossover_gets_the_sd_of_its_differences_from_a_correlation() -> None:
    """Cochrane Handbook 5.1, 16.4.6.4: SDs 2.38 and 2.21, r = 0.68 and 10 people give an SE of 0.583."""
    assert_allclose(convert.sd_of_change(2.38, 2.21, 0.68).value / math.sqrt(10), 0.583, atol=5e-4)


def test_the_correlation_that_three_sds_imply_gives_the_third_back() -> None:
    r = convert.change_correlation(4.0, 4.4, 3.9)
    assert_allclose(r.value, (16 + 19.36 - 15.21) / 35.2, rtol=1e-12)
    assert_allclose(convert.sd_of_change(4.0, 4.4, r.value).value, 3.9, rtol=1e-12)
    assert convert.mean_change(15.2, 16.2).value == 1.0


@given(n=st.floats(3, 500), sd=st.floats(0.01, 100))
def test_se_and_sd_undo_each_other(n: float, sd: float) -> None:
    assert_allclose(convert.sd_from_se(convert.se_from_sd(sd, n).value, n).value, sd, rtol=1e-12)


@given(difference=st.floats(-50, 50).filter(lambda x: abs(x) > 1e-3), t=st.floats(0.1, 20))
def test_f_is_the_square_of_t(difference: float, t: float) -> None:
    assert_allclose(convert.se_from_f(difference, t**2).value, convert.se_from_t(difference, t).value, rtol=1e-12)


@given(ratio=st.floats(0.05, 20), se=st.floats(0.01, 2), level=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_printed_intervals_lead_back_to_the_standard_error(ratio: float, se: float, level: float) -> None:
    from scipy.stats import norm

    half = float(norm.ppf(0.5 + level / 2)) * se
    low, high = ratio * math.exp(-half), ratio * math.exp(half)
    assert_allclose(convert.se_from_ratio_ci(ratio, low, high, level).value, se, rtol=1e-9)
    assert_allclose(convert.se_from_ci(-half, half, level).value, se, rtol=1e-9)


def test_bounded_p_values_bound_the_standard_error() -> None:
    exact, below, above = (convert.se_from_p(2.0, 0.05, relation=relation) for relation in ("=", "<", ">"))
    assert (exact.bound, below.bound, above.bound) == ("", "at most", "at least")
    assert exact.value == below.value == above.value
    assert "conservative" in below.notes[0]
    assert "not to be used" in above.notes[0]


def test_percentages_become_counts() -> None:
    assert convert.events_from_percentage(25.0, 48).value == 12
    assert convert.events_from_percentage(25.0, 48).notes == ()
    assert "check the denominator" in convert.events_from_percentage(26.0, 48).notes[0]


def test_the_trace_says_what_was_done_with_what() -> None:
    trace = convert.sd_from_se(0.5, 36).provenance
    assert trace == "3 = SE·√n with SE = 0.5, n = 36 (Cochrane Handbook 6.4, 6.5.2.2)"
    assert convert.se_from_p(2.0, 0.01, relation="<").provenance.startswith("at most 0.776")
    assert float(convert.log_ratio(1.0)) == 0.0


def test_a_converted_hazard_ratio_pools_like_the_published_one() -> None:
    es = effect_sizes({"hr": [0.7], "lo": [0.5], "hi": [0.98]}, measure="HR", estimate="hr", ci_low="lo", ci_high="hi")
    assert_allclose(es.variances[0], convert.se_from_ratio_ci(0.7, 0.5, 0.98).value ** 2, rtol=1e-12)


WRONG = [
    (lambda: convert.sd_from_se(-1, 10), "SE|se = -1; it must be above 0"),
    (lambda: convert.se_from_ci(2, 1), "the interval from 2 to 1 is empty"),
    (lambda: convert.se_from_ci(1, 2, level=95), "level = 95"),
    (lambda: convert.sd_from_ci(1, 2, 1), "t needs at least one degree of freedom"),
    (lambda: convert.sd_from_ci(1, 2, 9, distribution="x"), "distribution = 'x'"),
    (lambda: convert.se_from_p(1.0, 0.0), "write p = 0.000 as < 0.0005"),
    (lambda: convert.se_from_p(1.0, 0.5, relation="~"), "relation = '~'"),
    (lambda: convert.se_from_p(0.0, 0.5), "a difference of 0"),
    (lambda: convert.se_from_t(0.0, 1.0), "says nothing about its standard error"),
    (lambda: convert.log_ratio(-1), "ratio = -1; it must be above 0"),
    (lambda: convert.sd_of_change(1, 1, 2), "a correlation lies between"),
    (lambda: convert.change_correlation(1.0, 1.0, 9.0), "imply r = -39.5: one of them is wrong"),
    (lambda: convert.events_from_percentage(101, 10), "a percentage lies between 0 and 100"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[w[1] for w in WRONG])
def test_what_cannot_be_is_refused(call: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()  # type: ignore[operator]
