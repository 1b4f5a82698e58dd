# Reference values for tests/synthesis/test_multilevel.py, test_sampling_covariance.py and test_robust.py:
#   Rscript validation/metafor/multilevel.R
suppressMessages({library(metafor); library(numDeriv)})
source("validation/metafor/json.R")
source("validation/metafor/rma_mv_tight.R")
cases <- list()

summarise <- function(call, r) list(call = call, coefficients = c(r$beta), se = r$se, statistic = r$zval, p_value = r$pval,
  ci_low = r$ci.lb, ci_high = r$ci.ub, sigma2 = r$sigma2, tau2 = r$tau2, rho = r$rho, qe = r$QE, qe_p = r$QEp, qm = r$QM, qm_p = r$QMp,
  log_likelihood = as.numeric(logLik(r)), aic = AIC(r), bic = BIC(r), ddf = r$ddf)

schools <- dat.konstantopoulos2011
for (method in c("REML", "ML"))
  cases[[paste("schools nested", method)]] <- summarise(sprintf("rma.mv(yi, vi, random = ~ 1 | district/school, data = dat.konstantopoulos2011, method = '%s')", method),
    fit(yi = schools$yi, V = schools$vi, random = ~ 1 | district/school, data = schools, method = method))
cases[["schools CS"]] <- summarise("rma.mv(yi, vi, random = ~ factor(school) | district, struct = 'CS', data = dat.konstantopoulos2011)",
  fit(yi = schools$yi, V = schools$vi, random = ~ factor(school) | district, struct = "CS", data = schools))
schools$decade <- (schools$year - 1990) / 10
for (test in c("z", "t")) cases[[paste("schools year", test)]] <- summarise(sprintf("rma.mv(yi, vi, mods = ~ decade, random = ~ 1 | district/school, test = '%s')", test),
  fit(yi = schools$yi, V = schools$vi, mods = ~ decade, random = ~ 1 | district/school, data = schools, test = test))
cases[["schools contain"]] <- summarise("rma.mv(yi, vi, mods = ~ decade, random = ~ 1 | district/school, test = 't', dfs = 'contain')",
  fit(yi = schools$yi, V = schools$vi, mods = ~ decade, random = ~ 1 | district/school, data = schools, test = "t", dfs = "contain"))
cases[["schools crossed"]] <- summarise("rma.mv(yi, vi, random = list(~ 1 | district, ~ 1 | school, ~ 1 | study), data = dat.konstantopoulos2011)",
  fit(yi = schools$yi, V = schools$vi, random = list(~ 1 | district, ~ 1 | school, ~ 1 | study), data = schools))
cases[["schools crossed years"]] <- summarise("rma.mv(yi, vi, random = list(~ 1 | year, ~ 1 | study), data = dat.konstantopoulos2011)",
  fit(yi = schools$yi, V = schools$vi, random = list(~ 1 | year, ~ 1 | study), data = schools))

nested <- fit(yi = schools$yi, V = schools$vi, random = ~ 1 | district/school, data = schools)
ci <- confint(nested, control = list(tol = 1e-9), verbose = FALSE)
re <- ranef(nested)
cases[["schools more"]] <- list(call = "confint(rma.mv(yi, vi, random = ~ 1 | district/school)); ranef()",
  sigma2_1 = ci[[1]]$random[1, 2:3], sigma2_2 = ci[[2]]$random[1, 2:3],
  district = re[[1]]$intrcpt, district_se = re[[1]]$se, school = re[[2]]$intrcpt[1:5], school_se = re[[2]]$se[1:5],
  vvc = c(vcov(nested, type = "fixed")))

perio <- dat.berkey1998
V <- vcalc(vi = 1, cluster = author, rvars = c(v1i, v2i), data = perio)
for (struct in c("UN", "CS", "HCS", "DIAG", "ID")) for (method in c("REML", "ML"))
  cases[[paste("periodontal", struct, method)]] <- summarise(
    sprintf("rma.mv(yi, V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = '%s', data = dat.berkey1998, method = '%s')", struct, method),
    fit(yi = perio$yi, V = V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = struct, data = perio, method = method))
un <- fit(yi = perio$yi, V = V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = "UN", data = perio, method = "ML")
# confint's ends inherit its optimiser's tolerance; here the root is taken of the same profile, tightly fitted.
end <- function(low, high, ...) uniroot(function(x) {
  held <- fit(yi = perio$yi, V = V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = "UN", data = perio, method = "ML", tau2 = c(x, NA))
  2 * (logLik(un) - logLik(held)) - qchisq(.95, 1)
}, c(low, high), tol = 1e-13)$root
cases[["periodontal ci"]] <- list(call = "roots of 2 (logLik(un) - logLik(rma.mv(..., tau2 = c(x, NA)))) = qchisq(.95, 1), un: struct = 'UN', method = 'ML'",
  tau2_1 = c(end(.005, .02), end(.08, .2)))
cases[["periodontal fixed rho"]] <- summarise("rma.mv(yi, V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = 'CS', rho = 0.5)",
  fit(yi = perio$yi, V = V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = "CS", rho = 0.5, data = perio))
cases[["periodontal V only"]] <- summarise("rma.mv(yi, V, mods = ~ outcome - 1, data = dat.berkey1998)",
  rma.mv(yi, V, mods = ~ outcome - 1, data = perio))

# Four weeks of a growth curve, three structures over time: Ishak et al. (2007).
ishak <- dat.ishak2007
long <- reshape(ishak, direction = "long", idvar = "study", v.names = c("yi", "vi"),
  varying = list(c("y1i", "y2i", "y3i", "y4i"), c("v1i", "v2i", "v3i", "v4i")))
long <- long[order(long$study, long$time), ]
long <- long[!is.na(long$yi), ]
rownames(long) <- NULL
AR <- vcalc(vi, cluster = study, time1 = time, phi = 0.97, data = long)
cases[["ishak data"]] <- list(call = "dat.ishak2007, long", study = as.character(long$study), time = long$time, yi = long$yi, vi = long$vi)
for (struct in c("AR", "HAR", "CAR", "CS", "HCS", "UN", "DIAG"))
  cases[[paste("stimulation", struct)]] <- summarise(
    sprintf("rma.mv(yi, V, mods = ~ factor(time) - 1, random = ~ time | study, struct = '%s', data = dat.ishak2007 (long); V = vcalc(vi, cluster = study, time1 = time, phi = 0.97)", struct),
    fit(yi = long$yi, V = AR, mods = ~ factor(time) - 1, random = ~ time | study, struct = struct, data = long))

# Random slopes of a moderator within districts.
cases[["schools slopes"]] <- local({
  schools$x <- schools$school - 3
  r <- fit(yi = schools$yi, V = schools$vi, mods = ~ x, random = list(~ x | district, ~ 1 | study), struct = "GEN", data = schools)
  s <- summarise("rma.mv(yi, vi, mods = ~ I(school - 3), random = list(~ I(school - 3) | district, ~ 1 | study), struct = 'GEN')", r)
  s$tau2 <- diag(r$G); s$rho <- cov2cor(r$G)[2, 1]; s
})

# A known correlation between levels.
R <- 0.7^abs(outer(1:11, 1:11, "-")); dimnames(R) <- list(sort(unique(schools$district)), sort(unique(schools$district)))
cases[["schools known R"]] <- summarise("rma.mv(yi, vi, random = list(~ 1 | district, ~ 1 | study), R = list(district = 0.7^|i-j|))",
  fit(yi = schools$yi, V = schools$vi, random = list(~ 1 | district, ~ 1 | study), R = list(district = R), data = schools))

# Sampling covariances.
d <- data.frame(vi = c(.04, .05, .06, .07, .02, .03), study = c(1, 1, 1, 1, 2, 2), outcome = c("a", "a", "b", "b", "a", "b"),
  scale = c("x", "y", "x", "y", "x", "x"), time = c(1, 2, 1, 3, 1, 1), g1 = c("t", "u", "t", "u", "t", "t"), g2 = rep("c", 6),
  n1 = c(20, 30, 20, 30, 25, 25), n2 = c(40, 40, 40, 40, 22, 22))
lower <- function(V) V[lower.tri(V, diag = TRUE)]
cases[["vcalc"]] <- list(call = "vcalc(vi, cluster = study, ...)",
  outcome = lower(vcalc(vi, study, type = outcome, obs = scale, data = d, rho = c(.8, .5))),
  scale = lower(vcalc(vi, study, obs = scale, data = d[c(1, 2, 5), ], rho = .6)),
  time = lower(vcalc(vi, study, type = outcome, time1 = time, data = d, rho = .5, phi = .8)),
  arms = lower(vcalc(vi, study, grp1 = g1, grp2 = g2, w1 = n1, w2 = n2, type = outcome, rho = .5, data = d)),
  equal = lower(vcalc(vi, study, grp1 = g1, grp2 = g2, type = outcome, rho = .5, data = d)),
  within = lower(vcalc(c(.1, .2), c(1, 1), grp1 = c(1, 1), grp2 = c(1, 1), time1 = c(2, 3), time2 = c(1, 1), phi = .9)),
  constant = lower(vcalc(vi, study, obs = 1:6, data = d, rho = .6)))

write_reference(cases, "tests/data/multilevel.json")
