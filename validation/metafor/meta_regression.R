# Reference values for tests/synthesis/test_regression.py. Run from the checkout's root:
#   Rscript validation/metafor/meta_regression.R
suppressMessages(library(metafor))
source("validation/metafor/json.R")

tight <- list(threshold = 1e-13, maxiter = 100000, tol = 1e-15)
cases <- list()

summarise <- function(call, r) list(
  call = call, coefficients = c(r$beta), se = r$se, statistic = r$zval, p_value = r$pval,
  ci_low = r$ci.lb, ci_high = r$ci.ub, tau2 = r$tau2, tau2_se = r$se.tau2, i2 = r$I2, h2 = r$H2, r2 = r$R2,
  qe = r$QE, qe_p = r$QEp, qm = r$QM, qm_df = r$QMdf[1], qm_p = r$QMp, s2w = r$s2w,
  log_likelihood = as.numeric(logLik(r)), aic = AIC(r), bic = BIC(r), aicc = AIC(r, correct = TRUE))

bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
for (method in c("DL", "HE", "HS", "HSk", "SJ", "ML", "REML", "EB", "PM", "PMM", "EE"))
  for (test in c("z", "t", "knha", "adhoc")) {
    r <- suppressWarnings(rma(yi, vi, mods = ~ ablat + alloc, data = bcg, method = method, test = test, control = tight))
    cases[[paste("bcg", method, test)]] <-
      summarise(sprintf("rma(yi, vi, mods = ~ ablat + alloc, data = bcg, method = '%s', test = '%s')", method, test), r)
  }
cases[["bcg no intercept"]] <- summarise("rma(yi, vi, mods = ~ alloc - 1, data = bcg)",
  rma(yi, vi, mods = ~ alloc - 1, data = bcg, control = tight))
bcg$decade <- (bcg$year - 1960) / 10
cases[["bcg interaction"]] <- summarise("rma(yi, vi, mods = ~ ablat * decade, data = bcg)",
  rma(yi, vi, mods = ~ ablat * decade, data = bcg, control = tight))
cases[["teachers"]] <- summarise("rma(yi, vi, mods = ~ pmin(weeks, 3), data = dat.raudenbush1985, method = 'ML')",
  rma(yi, vi, mods = ~ pmin(weeks, 3), data = dat.raudenbush1985, method = "ML", control = tight))
writing <- subset(dat.bangertdrowns2004, !is.na(length) & !is.na(info) & !is.na(meta))
cases[["writing"]] <- summarise("rma(yi, vi, mods = ~ length + info + meta, data = dat.bangertdrowns2004, test = 'knha')",
  suppressWarnings(rma(yi, vi, mods = ~ length + info + meta, data = writing, test = "knha", control = tight)))

r <- rma(yi, vi, mods = ~ ablat + alloc, data = bcg, control = tight)
knha <- suppressWarnings(rma(yi, vi, mods = ~ ablat + alloc, data = bcg, test = "knha", control = tight))
ci <- confint(r, control = list(tol = 1e-14, maxiter = 10000))$random
p <- predict(r, newmods = rbind(c(10, 0, 0), c(33.5, 1, 0), c(50, 0, 1)))
pk <- predict(knha, newmods = rbind(c(10, 0, 0), c(33.5, 1, 0), c(50, 0, 1)))
a <- anova(r, btt = 3:4); ak <- anova(knha, btt = 3:4)
cases[["bcg more"]] <- list(call = "confint, predict, anova of rma(yi, vi, mods = ~ ablat + alloc, data = bcg)",
  tau2_ci = ci[1, 2:3], pred = p$pred, pred_se = p$se, ci_low = p$ci.lb, ci_high = p$ci.ub, pi_low = p$pi.lb, pi_high = p$pi.ub,
  knha_ci_low = pk$ci.lb, knha_pi_low = pk$pi.lb, alloc_qm = a$QM, alloc_p = a$QMp, knha_alloc_f = ak$QM, knha_alloc_p = ak$QMp)

# Exact permutation tests: all 5040 orders of seven latitudes, and all 2^10 signs.
seven <- bcg[1:7, ]; seven$ablat[6] <- 45
pt <- permutest(rma(yi, vi, mods = ~ ablat, data = seven, method = "DL"), exact = TRUE, progbar = FALSE)
cases[["permutation DL"]] <- list(call = "permutest(rma(yi, vi, mods = ~ ablat, data = seven, method = 'DL'), exact = TRUE)",
  p_value = pt$pval, qm_p = pt$QMp, sorted_statistic = sort(pt$zval.perm[, 2])[c(1, 100, 2520, 5000)])
six <- bcg[c(1, 4, 5, 8, 9, 11), ]
pt <- permutest(rma(yi, vi, mods = ~ alloc, data = six, control = tight), exact = TRUE, progbar = FALSE)
cases[["permutation REML"]] <- list(call = "permutest(rma(yi, vi, mods = ~ alloc, data = bcg[c(1, 4, 5, 8, 9, 11), ]), exact = TRUE)",
  p_value = pt$pval, qm_p = pt$QMp)
ten <- bcg[1:10, ]
pt <- permutest(rma(yi, vi, data = ten, control = tight), exact = TRUE, progbar = FALSE)
cases[["permutation signs"]] <- list(call = "permutest(rma(yi, vi, data = bcg[1:10, ]), exact = TRUE)",
  p_value = pt$pval, qm_p = pt$QMp)

# Subgroups: one model a group, and a common τ².
for (method in c("EE", "DL", "REML")) {
  parts <- lapply(split(bcg, bcg$alloc), function(d) rma(yi, vi, data = d, method = method, control = tight))
  est <- sapply(parts, coef); se <- sapply(parts, function(r) r$se)
  between <- rma(est, sei = se, mods = ~ factor(names(parts)), method = "EE")
  cases[[paste("subgroups", method)]] <- list(
    call = sprintf("rma(yi, vi, data = d, method = '%s') by alloc; rma(est, sei = se, mods = ~ group, method = 'EE')", method),
    groups = names(parts), estimate = est, se = se, tau2 = sapply(parts, function(r) r$tau2),
    between = between$QM, between_p = between$QMp)
}
shared <- rma(yi, vi, mods = ~ alloc, data = bcg, control = tight)
groups <- rma(yi, vi, mods = ~ alloc - 1, data = bcg, control = tight)
cases[["subgroups common tau2"]] <- list(call = "rma(yi, vi, mods = ~ alloc, data = bcg); rma(yi, vi, mods = ~ alloc - 1, data = bcg)",
  estimate = c(groups$beta), se = groups$se, tau2 = groups$tau2, between = shared$QM, between_p = shared$QMp)

write_reference(cases, "tests/data/meta_regression.json")
