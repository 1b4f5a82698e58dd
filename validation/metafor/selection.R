# Reference values for tests/synthesis/test_selection.py:
#   Rscript validation/metafor/selection.R
# selmodel() gives the log-likelihoods and likelihood-ratio tests; its optimiser stops within about 1e-4 of the estimates.
# They are polished here by Newton steps (numDeriv) on the same likelihood written out once more, with integrate().
suppressMessages({library(metafor); library(numDeriv)})
source("validation/metafor/json.R")
cases <- list()

weight <- list(
  beta = function(p, d, c) {p <- pmin(pmax(p, 1e-5), 1 - 1e-5); p^(d[1] - 1) * (1 - p)^(d[2] - 1)},
  halfnorm = function(p, d, c) exp(-d * c * p^2), negexp = function(p, d, c) exp(-d * c * p),
  logistic = function(p, d, c) 2 * exp(-d * c * p) / (1 + exp(-d * c * p)),
  power = function(p, d, c) (1 - pmin(pmax(p, 1e-5), 1 - 1e-5))^(d * c), negexppow = function(p, d, c) exp(-d[1] * c * p^(1 / d[2])))
pval <- function(y, v, alt) switch(alt, greater = pnorm(y / sqrt(v), lower.tail = FALSE), less = pnorm(y / sqrt(v)), two.sided = 2 * pnorm(abs(y / sqrt(v)), lower.tail = FALSE))

loglik <- function(par, y, v, X, type, alt, steps, prec) {
  p <- ncol(X); b <- par[1:p]; t2 <- par[p + 1]; d <- par[-(1:(p + 1))]; mu <- c(X %*% b); s <- sqrt(v + t2)
  if (type == "stepfun") {
    d <- c(1, d); sides <- if (alt == "two.sided") 2 else 1
    own <- d[findInterval(pval(y, v, alt), c(0, steps), left.open = TRUE)]
    cut <- qnorm(steps[-length(steps)] / sides, lower.tail = FALSE)
    area <- sapply(seq_along(y), function(i) {
      F <- function(z) pnorm(z * sqrt(v[i]), mu[i], s[i])
      m <- if (alt == "greater") -diff(c(1, F(cut), 0)) else if (alt == "less") diff(c(0, F(-cut), 1)) else -diff(c(1, F(cut), .5)) + diff(c(0, F(-cut), .5))
      if (alt == "two.sided") m[length(m)] <- F(cut[length(cut)]) - F(-cut[length(cut)])
      sum(m * d)
    })
  } else {
    w <- function(p, c) {u <- weight[[type]](p, d, c); if (!is.null(steps)) u <- ifelse(p <= steps, 1, u / weight[[type]](steps, d, c)); u}
    own <- w(pval(y, v, alt), prec)
    area <- sapply(seq_along(y), function(i) {
      f <- function(z) w(pval(z * sqrt(v[i]), v[i], alt), prec[i]) * dnorm(z, mu[i] / sqrt(v[i]), s[i] / sqrt(v[i]))
      edge <- sort(unique(c(-38, -9, -4.5, -qnorm(1e-5 / 2, lower.tail = FALSE), -qnorm(1e-5, lower.tail = FALSE), -2, -1, -.3, -.05, -.005, -1.2533e-5, 0, 1.2533e-5, .005, .05, .3, 1, 2,
        qnorm(1e-5, lower.tail = FALSE), qnorm(1e-5 / 2, lower.tail = FALSE), 4.5, 9, 38, if (!is.null(steps)) c(-1, 1) * qnorm(steps / (if (alt == "two.sided") 2 else 1), lower.tail = FALSE))))
      sum(mapply(function(a, b) integrate(f, a, b, rel.tol = 1e-12, subdivisions = 500, stop.on.error = FALSE)$value, head(edge, -1), tail(edge, -1)))
    })
  }
  sum(log(own) + dnorm(y, mu, s, log = TRUE) - log(area))
}

polish <- function(par, free, ...) {
  p <- ncol(list(...)$X)
  f <- function(x) {q <- par; q[free] <- x; loglik(q, ...)}
  for (i in 1:4) {
    H <- hessian(f, par[free], method.args = list(r = 4)); step <- solve(H, grad(f, par[free], method.args = list(r = 6)))
    if (all(par[p + 1] - step[free == p + 1] > 0, f(par[free] - step) > f(par[free]) - 1e-6)) par[free] <- par[free] - step else break
    if (max(abs(step)) < 1e-9) break
  }
  list(par = par, se = sqrt(diag(solve(-hessian(f, par[free], method.args = list(r = 6))))), ll = f(par[free]))
}

take <- function(label, data, type, alt, steps = NULL, prec = NULL, mods = NULL) {
  d <- data[[1]]; r <- if (is.null(mods)) rma(d$yi, d$vi, method = "ML") else rma(d$yi, d$vi, mods = mods, method = "ML")
  args <- list(r, type = type, alternative = alt, control = list(optimizer = "BFGS", reltol = 1e-12))
  if (!is.null(steps)) args$steps <- steps
  if (!is.null(prec)) args$prec <- "sei"
  s <- suppressWarnings(do.call(selmodel, args))
  X <- r$X; c <- if (is.null(prec)) rep(1, r$k) else sqrt(r$vi) / max(sqrt(r$vi))
  if (type == "stepfun") {steps <- sort(unique(c(steps, 1))); par <- c(s$beta, s$tau2, s$delta[-1])} else par <- c(s$beta, s$tau2, s$delta)
  z <- polish(par, seq_along(par), y = c(r$yi), v = r$vi, X = X, type = type, alt = alt, steps = steps, prec = c)
  cases[[label]] <<- list(call = sprintf("selmodel(rma(yi, vi, data = %s%s, method = 'ML'), type = '%s', alternative = '%s'%s%s)", names(data), if (is.null(mods)) "" else ", mods = ~ weeks", type, alt,
      if (is.null(steps)) "" else paste0(", steps = c(", paste(steps, collapse = ", "), ")"), if (is.null(prec)) "" else ", prec = 'sei'"),
    log_likelihood = as.numeric(logLik(s)), lrt = s$LRT, lrt_df = s$LRTdf, lrt_p = s$LRTp, lrt_tau2 = s$LRT.tau2, polished_log_likelihood = z$ll, parameters = z$par, se = z$se)
  cat(label, as.numeric(logLik(s)) - z$ll, "\n")
}
smoke <- list(smoking = dat.hackshaw1998)
for (type in c("beta", "halfnorm", "negexp", "logistic", "power")) take(paste(type, "greater"), smoke, type, "greater")
for (type in c("negexp", "halfnorm", "logistic", "power", "beta")) take(paste(type, "two.sided"), smoke, type, "two.sided")
take("power less", smoke, "power", "less")
take("negexppow greater", smoke, "negexppow", "greater")
take("stepfun greater", smoke, "stepfun", "greater", steps = c(.025, .1, .5))
take("stepfun two.sided", smoke, "stepfun", "two.sided", steps = c(.05, .5))
take("stepfun less", smoke, "stepfun", "less", steps = .5)
take("three parameters", smoke, "stepfun", "greater", steps = .025)
take("halfnorm precision", smoke, "halfnorm", "greater", steps = .05, prec = "sei")
take("negexp threshold", smoke, "negexp", "two.sided", steps = .05)
take("logistic threshold", smoke, "logistic", "greater", steps = .025)
take("teachers", list(teachers = dat.raudenbush1985), "stepfun", "greater", steps = .2, mods = ~ dat.raudenbush1985$weeks)

# Fixed weights: Vevea and Woods (2005), table 1, moderate one-tailed selection.
tab <- c(0.005, 0.01, 0.05, 0.10, 0.25, 0.35, 0.50, 0.65, 0.75, 0.90, 0.95, 0.99, 0.995, 1)
moderate <- c(1, 0.99, 0.95, 0.80, 0.75, 0.65, 0.60, 0.55, 0.50, 0.50, 0.50, 0.50, 0.50, 0.50)
s <- selmodel(rma(yi, vi, data = dat.hackshaw1998, method = "ML"), type = "stepfun", alternative = "greater", steps = tab, delta = moderate, control = list(optimizer = "BFGS", reltol = 1e-14))
z <- with(dat.hackshaw1998, polish(c(s$beta, s$tau2, moderate[-1]), 1:2, y = yi, v = vi, X = cbind(rep(1, 37)), type = "stepfun", alt = "greater", steps = tab, prec = rep(1, 37)))
cases[["fixed"]] <- list(call = "selmodel(..., type = 'stepfun', steps = tab$steps, delta = tab$delta.mod.1): Vevea & Woods (2005)", log_likelihood = as.numeric(logLik(s)),
  parameters = z$par[1:2], se = z$se)
write_reference(cases, "tests/data/selection.json")
