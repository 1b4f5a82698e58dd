# Reference values for tests/synthesis/test_location_scale.py:
#   Rscript validation/metafor/location_scale.R
suppressMessages({library(metafor); library(numDeriv)})
source("validation/metafor/json.R")
cases <- list()
fit <- function(...) {
  r <- rma(..., control = list(optimizer = "nlminb"))
  for (i in 1:2) r <- tryCatch(rma(..., control = list(optimizer = "BFGS", reltol = 1e-16, maxit = 1000, ndeps = rep(1e-5, length(r$alpha)), alpha.init = c(r$alpha))),
    error = function(e) r)
  r
}
take <- function(call, r) list(call = call, beta = c(r$beta), se = r$se, p_value = r$pval, ci_low = r$ci.lb, alpha = c(r$alpha), alpha_se = r$se.alpha,
  alpha_p = r$pval.alpha, alpha_ci_high = r$ci.ub.alpha, tau2 = unname(r$tau2), log_likelihood = as.numeric(logLik(r)), qe = r$QE, qm = r$QM, qm_p = r$QMp, qs = r$QS, qs_p = r$QSp)
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
writing <- dat.bangertdrowns2004; writing$ni100 <- writing$ni / 100
for (method in c("REML", "ML")) for (test in c("z", "t")) {
  cases[[paste("writing", method, test)]] <- take(sprintf("rma(yi, vi, mods = ~ ni100, scale = ~ ni100, data = dat.bangertdrowns2004, method = '%s', test = '%s')", method, test),
    fit(yi = writing$yi, vi = writing$vi, mods = ~ ni100, scale = ~ ni100, data = writing, method = method, test = test))
}
known <- subset(writing, !is.na(meta))
cases[["writing meta"]] <- take("rma(yi, vi, scale = ~ meta, data = dat.bangertdrowns2004)", fit(yi = known$yi, vi = known$vi, scale = ~ meta, data = known))
cases[["bcg"]] <- take("rma(yi, vi, mods = ~ ablat, scale = ~ year, data = bcg)", local({bcg$decade <- (bcg$year - 1960) / 10; bcg$lat <- bcg$ablat - 33
  fit(yi = bcg$yi, vi = bcg$vi, mods = ~ lat, scale = ~ decade, data = bcg)}))
cases[["bcg constant"]] <- take("rma(yi, vi, scale = ~ 1, data = bcg)", fit(yi = bcg$yi, vi = bcg$vi, scale = ~ 1, data = bcg))
write_reference(cases, "tests/data/location_scale.json")
