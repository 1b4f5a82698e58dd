# Reference values for tests/synthesis/test_sensitivity.py:
#   Rscript validation/metafor/sensitivity.R
suppressMessages(library(metafor))
source("validation/metafor/json.R")
tight <- list(threshold = 1e-13, maxiter = 100000, tol = 1e-15)
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
cases <- list()
series <- function(call, x) list(call = call, estimate = x$estimate, se = x$se, statistic = if (is.null(x$zval)) x$tval else x$zval, p_value = x$pval, ci_low = x$ci.lb,
  ci_high = x$ci.ub, q = x$Q, q_p = x$Qp, tau2 = if (is.null(x$tau2)) 0 * x$estimate else x$tau2, i2 = x$I2, h2 = x$H2)
for (method in c("EE", "DL", "HE", "SJ", "REML", "ML", "PM")) for (test in c("z", "knha")) {
  r <- suppressWarnings(rma(yi, vi, data = bcg, method = method, test = test, control = tight))
  cases[[paste("leave1out", method, test)]] <- series(sprintf("leave1out(rma(yi, vi, data = bcg, method = '%s', test = '%s'))", method, test), leave1out(r))
  # From its own starting value the ML fit of the first six trials stops at the lower of two maxima (-3.554, not -3.369).
  from <- if (method == "ML") c(tight, tau2.init = 0.2) else tight
  r <- suppressWarnings(rma(yi, vi, data = bcg, method = method, test = test, control = from))
  cases[[paste("cumul", method, test)]] <- series(sprintf("cumul(rma(yi, vi, data = bcg, method = '%s', test = '%s'), order = year)", method, test),
    suppressWarnings(cumul(r, order = bcg$year)))
}
diagnose <- function(call, r) {
  i <- influence(r); b <- baujat(r)
  list(call = call, rstudent = i$inf$rstudent, rstandard = rstandard(r)$z, dffits = i$inf$dffits, cook_d = i$inf$cook.d, cov_r = i$inf$cov.r,
    tau2_del = i$inf$tau2.del, qe_del = i$inf$QE.del, hat = i$inf$hat, weight = i$inf$weight,
    dfbetas = c(t(do.call(cbind, unclass(i$dfbs)[seq_len(r$p)]))), influential = unname(i$is.infl), baujat_x = b$x, baujat_y = b$y)
}
pdf(NULL)
for (method in c("EE", "DL", "REML")) for (test in c("z", "knha")) {
  r <- suppressWarnings(rma(yi, vi, data = bcg, method = method, test = test, control = tight))
  cases[[paste("influence mean", method, test)]] <- diagnose(sprintf("influence(rma(yi, vi, data = bcg, method = '%s', test = '%s')); rstandard(); baujat()", method, test), r)
  r <- suppressWarnings(rma(yi, vi, mods = ~ ablat + alloc, data = bcg, method = method, test = test, control = tight))
  cases[[paste("influence moderators", method, test)]] <- diagnose(sprintf("influence(rma(yi, vi, mods = ~ ablat + alloc, data = bcg, method = '%s', test = '%s')); rstandard(); baujat()", method, test), r)
}
nine <- bcg[1:9, ]
for (method in c("EE", "DL", "REML", "PM")) {
  g <- gosh(rma(yi, vi, data = nine, method = method, control = tight), progbar = FALSE)
  code <- as.vector(as.matrix(g$incl) %*% 2^(0:8))
  o <- order(code)[seq(1, 511, by = 6)]
  cases[[paste("gosh", method)]] <- list(call = sprintf("gosh(rma(yi, vi, data = bcg[1:9, ], method = '%s')), rows by the binary code of incl", method),
    code = code[o], k = g$res$k[o], q = g$res$QE[o], i2 = g$res$I2[o], h2 = g$res$H2[o], tau2 = g$res$tau2[o], estimate = g$res[[6]][o])
}
g <- gosh(rma(yi, vi, mods = ~ ablat, data = nine, method = "DL"), progbar = FALSE)
code <- as.vector(as.matrix(g$incl) %*% 2^(0:8)); o <- order(code)[seq(1, length(code), by = 6)]
cases[["gosh moderators"]] <- list(call = "gosh(rma(yi, vi, mods = ~ ablat, data = bcg[1:9, ], method = 'DL'))", code = code[o], k = g$res$k[o],
  tau2 = g$res$tau2[o], q = g$res$QE[o], intercept = g$res$intrcpt[o], slope = g$res$ablat[o])
write_reference(cases, "tests/data/sensitivity.json")
