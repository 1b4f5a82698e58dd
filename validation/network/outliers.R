# Reference values for tests/synthesis/network/test_network_outliers.py: the shift-variance model by maximising the restricted
# likelihood written with dense matrices, and deletion measures by refitting. Data: Senn 2013 and Hasselblad 1998
# (metadat). Base R only otherwise.  Rscript validation/network/outliers.R
suppressMessages({library(metafor); library(metadat)})
options(digits = 15)

senn <- dat.senn2013
smoking <- dat.hasselblad1998
smoking <- data.frame(study = smoking$study, treat = smoking$trt, r = smoking$xi, n = smoking$ni)

arms <- function(d) {
  lapply(split(d, factor(d$study, unique(d$study))), function(s) {
    s <- s[order(s$treat), ]
    if (any(s$r == 0) || any(s$r == s$n)) { s$r <- s$r + 0.5; s$n <- s$n + 1 }
    y <- log(s$r / (s$n - s$r)); v <- 1 / s$r + 1 / (s$n - s$r); k <- nrow(s) - 1
    list(study = rep(s$study[1], k), base = rep(s$treat[1], k), treat = s$treat[-1], y = y[-1] - y[1],
         V = matrix(v[1], k, k) + diag(v[-1], k))
  })
}

dense <- function(parts) {
  get <- function(x) unlist(lapply(parts, `[[`, x), use.names = FALSE)
  trts <- sort(unique(c(get("treat"), get("base"))))
  X <- sapply(trts[-1], function(t) (get("treat") == t) - (get("base") == t))
  list(y = get("y"), X = X, V = bldiag(lapply(parts, `[[`, "V")), study = get("study"),
       R = bldiag(lapply(parts, function(p) (diag(length(p$y)) + 1) / 2)))
}

reml <- function(m, tau2, omega, s) {
  own <- outer(m$study == s, m$study == s)
  S <- m$V + (tau2 + omega * own) * m$R
  W <- solve(S); A <- t(m$X) %*% W %*% m$X; b <- solve(A, t(m$X) %*% W %*% m$y); e <- m$y - m$X %*% b
  -0.5 * (determinant(S)$modulus + determinant(A)$modulus + drop(t(e) %*% W %*% e))
}

shift <- function(m, s) {
  null <- optimize(function(t) reml(m, t, 0, s), c(0, 5), maximum = TRUE, tol = 1e-10)
  f <- function(p) -reml(m, exp(p[1]), exp(p[2]), s)
  best <- optim(log(c(0.2, 0.5)), f, method = "BFGS", control = list(reltol = 1e-16, maxit = 1000))
  cat("study", s, "tau2", exp(best$par[1]), "omega", exp(best$par[2]), "statistic",
      2 * (-best$value - null$objective), "\n")
}

delete <- function(m, tau2, s) {  # measures with tau2 fixed, by leaving the study out
  S <- m$V + tau2 * m$R; out <- m$study == s
  fit <- function(k) { W <- solve(S[k, k]); C <- solve(t(m$X[k, ]) %*% W %*% m$X[k, ])
    list(b = C %*% t(m$X[k, ]) %*% W %*% m$y[k], C = C) }
  all <- fit(rep(TRUE, length(out))); rest <- fit(!out)
  gap <- m$y[out] - m$X[out, , drop = FALSE] %*% rest$b
  spread <- S[out, out] + m$X[out, , drop = FALSE] %*% rest$C %*% t(m$X[out, , drop = FALSE])
  change <- all$b - rest$b
  cat("study", s, "Q", drop(t(gap) %*% solve(spread, gap)), "cook",
      drop(t(change) %*% solve(all$C, change)) / ncol(m$X), "covratio", det(rest$C) / det(all$C), "\n")
}

m <- dense(arms(smoking))
cat("== smoking cessation\n"); for (s in c(1, 2, 7)) shift(m, s)
for (s in c(1, 2, 7)) delete(m, 0.4, s)
