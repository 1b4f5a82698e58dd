# Reference values for tests/synthesis/network/test_network_binary_outcomes.py, computed without our code.
# Needs R with metadat (data only); the estimators are base R's glm and, for Mantel-Haenszel, the sums of
# Greenland (1989) written out study by study. Run: Rscript validation/network/binary_outcomes.R
suppressMessages(library(metadat))
options(digits = 15)

arms <- function(data, study, treatment, events, n)
  data.frame(study = as.character(data[[study]]), treat = as.character(data[[treatment]]),
             r = data[[events]], n = data[[n]])

informative <- function(d) {
  total <- ave(d$r, d$study, FUN = sum); all <- ave(d$n, d$study, FUN = sum)
  d <- d[total > 0 & total < all, ]
  d$design <- ave(d$treat, d$study, FUN = function(x) paste(sort(x), collapse = ":"))
  key <- paste(d$design, d$treat)
  d <- d[ave(d$r, key, FUN = sum) > 0 & ave(d$n - d$r, key, FUN = sum) > 0, ]
  d[ave(d$r, d$study, FUN = length) > 1, ]
}

show <- function(name, estimate, se) {
  cat(name, "\n"); print(data.frame(estimate = estimate, se = se))
}

mantel_haenszel <- function(d, reference) {
  trts <- sort(unique(d$treat)); y <- X <- NULL; blocks <- list()
  for (g in unique(d$design)) {
    s <- d[d$design == g, ]; ts <- sort(unique(s$treat)); a <- length(ts); ids <- unique(s$study)
    at <- function(id, t) s[s$study == id & s$treat == t, ]
    C <- matrix(0, a, a); P <- Q <- R <- matrix(0, a, a); U <- array(0, c(a, a, a))
    for (x in 1:a) for (w in 1:a) for (id in ids) {
      N <- sum(s$n[s$study == id]); i <- at(id, ts[x]); j <- at(id, ts[w])
      C[x, w] <- C[x, w] + i$r * (j$n - j$r) / N
    }
    V <- matrix(0, a, a)
    for (x in 1:a) for (w in 1:a) if (x != w) for (id in ids) {
      N <- sum(s$n[s$study == id]); i <- at(id, ts[x]); j <- at(id, ts[w])
      c1 <- i$r * (j$n - j$r) / N; c2 <- j$r * (i$n - i$r) / N
      d1 <- (i$r + j$n - j$r) / N; d2 <- (j$r + i$n - i$r) / N
      V[x, w] <- V[x, w] + c1 * d1 / (2 * C[x, w]^2) + (c1 * d2 + c2 * d1) / (2 * C[x, w] * C[w, x]) +
        c2 * d2 / (2 * C[w, x]^2)
      for (z in 1:a) if (z != x && z != w) {
        k <- at(id, ts[z])
        U[x, w, z] <- U[x, w, z] + (
          i$r * (j$n - j$r) * (k$n - k$r) / (C[x, w] * C[x, z]) + i$n * (j$n - j$r) * k$r / (C[x, w] * C[z, x]) +
          i$n * j$r * (k$n - k$r) / (C[w, x] * C[x, z]) + (i$n - i$r) * j$r * k$r / (C[w, x] * C[z, x])) / (3 * N^2)
      }
    }
    # covariance of all ordered log odds ratios, then of their averages
    L <- log(C / t(C)); pairs <- which(row(C) != col(C), arr.ind = TRUE)
    K <- matrix(0, nrow(pairs), nrow(pairs))
    for (p in seq_len(nrow(pairs))) for (q in seq_len(nrow(pairs))) {
      u <- pairs[p, ]; v <- pairs[q, ]; same <- intersect(u, v)
      if (length(same) == 2) K[p, q] <- V[u[1], u[2]] * ifelse(u[1] == v[1], 1, -1)
      if (length(same) == 1) K[p, q] <- U[same, setdiff(u, same), setdiff(v, same)] *
        ifelse(u[1] == same, 1, -1) * ifelse(v[1] == same, 1, -1)
    }
    M <- matrix(0, a - 1, nrow(pairs))
    for (k in 2:a) M[k - 1, ] <- ((pairs[, 1] == 1) - (pairs[, 1] == k)) / a
    y <- c(y, M %*% L[pairs]); blocks[[g]] <- M %*% K %*% t(M)
    for (k in 2:a) X <- rbind(X, (trts == ts[1]) - (trts == ts[k]))
  }
  W <- matrix(0, length(y), length(y)); o <- 0
  for (b in blocks) { i <- o + seq_len(nrow(b)); W[i, i] <- solve(b); o <- max(i) }
  colnames(X) <- trts; X <- X[, trts != reference, drop = FALSE]
  S <- solve(t(X) %*% W %*% X); est <- drop(S %*% t(X) %*% W %*% y)
  show("Mantel-Haenszel", est, sqrt(diag(S)))
  cat("Q inconsistency", sum((y - X %*% est) * (W %*% (y - X %*% est))), length(y) - ncol(X), "\n")
}

breslow <- function(d, reference) {  # multinomial given the total = Poisson with study effects
  d$treat <- relevel(factor(d$treat), reference)
  fit <- glm(r ~ study + treat, offset = log(n), family = poisson, data = d,
             control = glm.control(epsilon = 1e-15, maxit = 100))
  k <- grep("^treat", names(coef(fit)))
  show("Breslow", coef(fit)[k], sqrt(diag(vcov(fit)))[k])
}

firth <- function(d, reference) {
  d$treat <- relevel(factor(d$treat), reference); h <- rep(1, nrow(d)); old <- Inf
  repeat {  # Firth's score is that of r + h/2 events among n + h
    d$y <- (d$r + h / 2) / (d$n + h); d$m <- d$n + h
    fit <- suppressWarnings(glm(y ~ study + treat, weights = m, family = binomial, data = d,
                                control = glm.control(epsilon = 1e-14, maxit = 200)))
    X <- model.matrix(fit); p <- fitted(fit); w <- d$n * p * (1 - p); S <- solve(t(X) %*% (w * X))
    h <- w * rowSums((X %*% S) * X)
    if (max(abs(coef(fit) - old)) < 1e-12) break
    old <- coef(fit)
  }
  k <- grep("^treat", names(coef(fit)))
  show("Firth", coef(fit)[k], sqrt(diag(S))[k])
  df <- nrow(d) - ncol(X); v <- d$n * p * (1 - p)
  pearson <- sum((d$r - d$n * p)^2 / v) / df
  cat("Pearson", pearson, "netmeta", pearson / (1 + mean((1 - 2 * p) / v)),
      "Fletcher", pearson / (1 + mean((1 - 2 * p) * (d$r - d$n * p) / v)), "\n")
  cat("penalised log likelihood", sum(dbinom(d$r, d$n, p, log = TRUE)) +
        0.5 * determinant(t(X) %*% (w * X))$modulus, "\n")
}

exact <- function(d, reference) {  # enumerates every table with the study's total
  trts <- sort(unique(d$treat)); tables <- list()
  for (id in unique(d$study)) {
    s <- d[d$study == id, ]; N <- sum(s$r); a <- nrow(s)
    grid <- as.matrix(expand.grid(lapply(s$n[-a], function(n) 0:min(n, N))))
    last <- N - rowSums(grid); ok <- last >= 0 & last <= s$n[a]; g <- cbind(grid[ok, , drop = FALSE], last[ok])
    lc <- rowSums(sapply(1:a, function(k) lchoose(s$n[k], g[, k])))
    tables[[id]] <- list(g = g, lc = lc, t = match(s$treat, trts), r = s$r, n = s$n)
  }
  ll <- function(b) {
    theta <- numeric(length(trts)); theta[trts != reference] <- b
    sum(sapply(tables, function(x) {
      z <- x$lc + x$g %*% theta[x$t]; m <- max(z)
      sum(lchoose(x$n, x$r)) + sum(x$r * theta[x$t]) - m - log(sum(exp(z - m)))
    }))
  }
  moments <- function(b) {
    theta <- numeric(length(trts)); theta[trts != reference] <- b
    g <- numeric(length(trts)); H <- matrix(0, length(trts), length(trts))
    for (x in tables) {
      z <- x$lc + x$g %*% theta[x$t]; w <- drop(exp(z - max(z))); w <- w / sum(w)
      e <- colSums(w * x$g); g[x$t] <- g[x$t] + x$r - e
      H[x$t, x$t] <- H[x$t, x$t] + t(x$g) %*% (w * x$g) - e %o% e
    }
    k <- trts != reference; list(g = g[k], H = H[k, k])
  }
  b <- numeric(length(trts) - 1)
  for (i in 1:60) { m <- moments(b); b <- b + solve(m$H, m$g) }
  show("exact", setNames(b, setdiff(trts, reference)), sqrt(diag(solve(moments(b)$H))))
  cat("log likelihood", ll(b), "\n")
}

dong <- arms(dat.dong2013, "id", "treatment", "death", "randomized")
guru <- arms(dat.gurusamy2011, "study", "treatment", "death", "n")
for (case in list(list("Dong 2013", dong, "Placebo"), list("Gurusamy 2011", guru, "Control/Placebo"))) {
  cat("\n==", case[[1]], "\n")
  used <- informative(case[[2]])
  mantel_haenszel(used, case[[3]]); breslow(used, case[[3]]); firth(case[[2]], case[[3]])
}
cat("\n== exact, Gurusamy 2011\n")
exact(informative(guru), "Control/Placebo")
