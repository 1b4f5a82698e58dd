# Reference values for tests/synthesis/test_small_study_effects.py:
#   Rscript validation/metafor/small_study_effects.R
# metafor where it has the method; else the formula of the paper that introduced it, worked out here with lm().
suppressMessages(library(metafor))
source("validation/metafor/json.R")
tight <- list(threshold = 1e-13, maxiter = 100000, tol = 1e-15)
cases <- list()
mg <- escalc(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.egger2001)
smoke <- escalc(yi = yi, vi = vi, data = dat.hackshaw1998)
teach <- dat.raudenbush1985; teach$ni <- teach$n1i + teach$n2i
for (name in c("ai", "n1i", "ci", "n2i")) mg[[name]] <- as.numeric(mg[[name]])  # products overflow integers
mg$ni <- mg$n1i + mg$n2i

reg <- function(call, r) list(call = call, statistic = r$zval, p_value = r$pval, df = if (is.null(r$dfs) || is.na(r$dfs)) NA else r$dfs,
  bias = tail(coef(summary(r$fit))[, 1], 1), bias_se = tail(coef(summary(r$fit))[, 2], 1),
  limit = if (is.null(r$est)) NA else r$est, limit_low = if (is.null(r$ci.lb)) NA else r$ci.lb, limit_high = if (is.null(r$ci.ub)) NA else r$ci.ub)
data <- list(magnesium = mg, smoking = smoke, teachers = teach)
for (name in names(data)) {
  d <- data[[name]]
  for (pred in c("sei", "vi"))
    cases[[paste("egger", name, pred)]] <- reg(sprintf("regtest(yi, vi, model = 'lm', predictor = '%s'), %s", pred, name),
      regtest(d$yi, d$vi, model = "lm", predictor = pred, ret.fit = TRUE))
  cases[[paste("additive", name)]] <- reg(sprintf("regtest(rma(yi, vi, data = %s))", name), regtest(rma(yi, vi, data = d, control = tight), ret.fit = TRUE))
  cases[[paste("additive DL t", name)]] <- reg(sprintf("regtest(rma(yi, vi, data = %s, method = 'DL', test = 't'))", name),
    regtest(rma(yi, vi, data = d, method = "DL", test = "t"), ret.fit = TRUE))
  r <- ranktest(d$yi, d$vi); cases[[paste("begg", name)]] <- list(call = sprintf("ranktest(yi, vi), %s", name), tau = r$tau, p_value = r$pval)
}
for (pred in c("ni", "ninv", "sqrtni", "sqrtninv"))
  cases[[paste("egger magnesium", pred)]] <- reg(sprintf("regtest(yi, vi, ni = ni, model = 'lm', predictor = '%s'), magnesium", pred),
    regtest(mg$yi, mg$vi, ni = mg$ni, model = "lm", predictor = pred, ret.fit = TRUE))
moderated <- rma(yi, vi, mods = ~ weeks, data = teach)
cases[["egger teachers weeks"]] <- reg("regtest(rma(yi, vi, mods = ~ weeks, data = dat.raudenbush1985), model = 'lm')",
  regtest(moderated, model = "lm", ret.fit = TRUE))

line <- function(call, y, x, w) {
  s <- summary(m <- lm(y ~ x, weights = w)); ci <- confint(m)
  list(call = call, statistic = s$coefficients[2, 3], p_value = s$coefficients[2, 4], df = s$df[2], bias = s$coefficients[2, 1],
    bias_se = s$coefficients[2, 2], limit = s$coefficients[1, 1], limit_low = ci[1, 1], limit_high = ci[1, 2])
}
small <- mg[-16, ]
e <- with(small, ai + ci); n <- with(small, n1i + n2i)
cases[["peters"]] <- line("lm(y ~ 1/n, weights = 1 / (1/events + 1/(n - events))), magnesium without ISIS-4: Peters et al. (2006)",
  small$yi, 1 / n, 1 / (1 / e + 1 / (n - e)))
Z <- with(small, ai - e * n1i / n); V <- with(small, n1i * n2i * e * (n - e) / (n^2 * (n - 1)))
cases[["harbord OR"]] <- line("lm(Z/V ~ 1/sqrt(V), weights = V), magnesium without ISIS-4: Harbord et al. (2006)", Z / V, 1 / sqrt(V), V)
Z <- with(small, (ai * n - e * n1i) / (n - e)); V <- with(small, n1i * n2i * e / (n * (n - e)))
cases[["harbord RR"]] <- line("lm(Z/V ~ 1/sqrt(V), weights = V), scores of the risk ratio: Harbord et al. (2009)", Z / V, 1 / sqrt(V), V)
ess <- with(small, 4 * n1i * n2i / n)
cases[["deeks"]] <- line("lm(y ~ 1/sqrt(ESS), weights = ESS), magnesium without ISIS-4: Deeks et al. (2005)", small$yi, 1 / sqrt(ess), ess)
cases[["macaskill"]] <- line("lm(y ~ n, weights = 1/v), magnesium without ISIS-4: Macaskill et al. (2001), FIV", small$yi, n, 1 / small$vi)
cases[["macaskill pooled"]] <- line("lm(y ~ n, weights = 1 / (1/events + 1/(n - events))): Macaskill et al. (2001), FPV", small$yi, n, 1 / (1 / e + 1 / (n - e)))
cases[["pustejovsky"]] <- line("lm(y ~ sqrt(1/n1 + 1/n2), weights = 1/v), dat.raudenbush1985: Pustejovsky & Rodgers (2019)",
  teach$yi, sqrt(1 / teach$n1i + 1 / teach$n2i), 1 / teach$vi)

for (name in names(data)) {
  d <- data[[name]]; pet <- lm(yi ~ sqrt(vi), weights = 1 / vi, data = d); peese <- lm(yi ~ vi, weights = 1 / vi, data = d)
  take <- function(m) c(coef(summary(m))[1, 1:2], coef(summary(m))[1, 4], confint(m)[1, ], coef(summary(m))[2, 1:2], coef(summary(m))[2, 4])
  cases[[paste("pet-peese", name)]] <- list(call = sprintf("lm(yi ~ sqrt(vi), weights = 1/vi), lm(yi ~ vi, weights = 1/vi), %s: Stanley & Doucouliagos (2014)", name),
    pet = unname(take(pet)), peese = unname(take(peese)))
  pet <- rma(yi, vi, mods = ~ sqrt(vi), data = d, test = "t", control = tight); peese <- rma(yi, vi, mods = ~ vi, data = d, test = "t", control = tight)
  take <- function(m) c(m$beta[1], m$se[1], m$pval[1], m$ci.lb[1], m$ci.ub[1], m$beta[2], m$se[2], m$pval[2])
  cases[[paste("pet-peese additive", name)]] <- list(call = sprintf("rma(yi, vi, mods = ~ sqrt(vi), test = 't'), rma(yi, vi, mods = ~ vi, test = 't'), %s", name),
    pet = take(pet), peese = take(peese))

  # Ruecker et al. (2011), Biostatistics 12:122, sections 3 to 5 and 7: least squares on the (generalised) radial plot,
  # unit error variance.
  for (method in c("DL", "REML")) {
    r <- rma(yi, vi, data = d, method = method, control = tight); tau2 <- r$tau2; s <- sqrt(d$vi + tau2); k <- r$k
    X <- cbind(1, 1 / s); b <- solve(crossprod(X), crossprod(X, d$yi / s)); C <- solve(crossprod(X)); a <- c(sqrt(tau2), 1)
    lim <- b[2] + sqrt(tau2) / s * (d$yi - b[2])
    fixed <- lm(I(d$yi / sqrt(d$vi)) ~ I(1 / sqrt(d$vi))); radial <- lm(I(lim / sqrt(d$vi)) ~ I(1 / sqrt(d$vi)))
    Xl <- cbind(1, 1 / sqrt(d$vi))
    cases[[paste("limit", name, method)]] <- list(call = sprintf("least squares on the generalised radial plot, tau2 from rma(method = '%s'), %s: Ruecker et al. (2011)", method, name),
      alpha = b[1], beta = b[2], beta0 = sum(a * b), beta0_se = sqrt(c(t(a) %*% C %*% a)), betalim = coef(radial)[2], betalim_se = sqrt(solve(crossprod(Xl))[2, 2]),
      mulim = weighted.mean(lim, 1 / d$vi), mulim_se = 1 / sqrt(sum(1 / d$vi)), q_residual = sum(resid(fixed)^2), q = r$QE,
      g2 = 100 * (1 - summary(radial)$r.squared), random = c(r$beta), random_se = r$se, shrunken = lim)
  }

  for (type in c("Rosenthal", "Rosenberg", "Orwin")) {
    f <- fsn(d$yi, d$vi, type = type)
    cases[[paste("fsn", type, name)]] <- list(call = sprintf("fsn(yi, vi, type = '%s'), %s", type, name), n = f$fsnum, p_value = f$pval, mean = f$meanes, target = f$target)
  }
  f <- fsn(d$yi, d$vi, type = "Orwin", weighted = TRUE, target = 0.05)
  cases[[paste("fsn weighted", name)]] <- list(call = sprintf("fsn(yi, vi, type = 'Orwin', weighted = TRUE, target = 0.05), %s", name), n = f$fsnum, mean = f$meanes, target = f$target)

  for (estimator in c("L0", "R0", "Q0")) for (method in c("EE", "DL", "REML")) for (side in c("auto", "left", "right")) {
    m <- rma(yi, vi, data = d, method = method, control = tight)
    tf <- try(if (side == "auto") trimfill(m, estimator = estimator, control = tight) else trimfill(m, estimator = estimator, side = side, control = tight), silent = TRUE)
    if (inherits(tf, "try-error")) next
    cases[[paste("trimfill", name, estimator, method, side)]] <- list(call = sprintf("trimfill(rma(yi, vi, data = %s, method = '%s'), estimator = '%s', side = '%s')", name, method, estimator, side),
      side = tf$side, k0 = tf$k0, se_k0 = tf$se.k0, p_k0 = tf$p.k0, estimate = c(tf$beta), se = tf$se, tau2 = tf$tau2,
      filled = if (tf$k0 > 0) c(tf$yi[tf$fill]) else NA)
  }
}
dorn <- escalc(measure = "RR", ai = x.a, n1i = n.a, ci = x.p, n2i = n.p, data = dat.dorn2007)
for (name in c("magnesium", "teachers")) { d <- data[[name]]
  for (test in c("chi2", "binom", "exact")) for (side in c("greater", "less", "two.sided")) {
    t <- tes(d$yi, d$vi, test = test, tes.alternative = side, progbar = FALSE)
    lim <- if (side == "two.sided") NA else t$theta.lim
    cases[[paste("tes", name, test, side)]] <- list(call = sprintf("tes(yi, vi, test = '%s', tes.alternative = '%s'), %s", test, side, name), O = t$O, E = t$E, x2 = t$X2, p_value = t$pval,
      theta = t$theta, power = t$power, limit = if (is.null(lim)) NA else lim)
  }
  t <- tes(d$yi, d$vi, tau2 = 0.02, alternative = "greater", test = "chi2", rel.tol = 1e-12)
  cases[[paste("tes tau2", name)]] <- list(call = sprintf("tes(yi, vi, tau2 = 0.02, alternative = 'greater', test = 'chi2'), %s", name), O = t$O, E = t$E, p_value = t$pval, theta = t$theta,
    power = mapply(function(v) integrate(function(x) pnorm(qnorm(.95), x / sqrt(v), lower.tail = FALSE) * dnorm(x, t$theta, sqrt(.02)),
      t$theta - 12 * sqrt(.02), t$theta + 12 * sqrt(.02), rel.tol = 1e-12, subdivisions = 1000)$value, d$vi))
}
write_reference(cases, "tests/data/small_study_effects.json")
