# Reference values for tests/synthesis/network/test_network_dose_response.py: dense matrices and base R (optim for Emax, ns() of
# splines for the restricted cubic spline, all patterns of equal doses for the isotonic fit); metafor's rma.mv for REML.
#   Rscript validation/network/dose_response.R
suppressMessages({library(metafor); library(splines)})
options(digits = 15)

# Thorlund et al. 2014, Cephalalgia 34:258: headache-free at two hours, first 24 trials of placebo, sumatriptan,
# eletriptan and rizatriptan; dose in multiples of the common one.
TRIALS <- "s1 | placebo_0 6/22; sumatriptan_1 14/30
s4 | placebo_0 55/177; rizatriptan_1 200/351
s5 | placebo_0 52/167; rizatriptan_1 195/331
s6 | placebo_0 13/63; sumatriptan_1 48/98; sumatriptan_2 56/99
s7 | placebo_0 35/138; sumatriptan_0.5 47/150; sumatriptan_1 39/141; sumatriptan_2 49/152
s9 | placebo_0 14/241; sumatriptan_1 45/226
s10 | placebo_0 43/195; eletriptan_0.5 61/173; eletriptan_1 93/197
s12 | placebo_0 84/456; sumatriptan_1 180/448; sumatriptan_2 219/462
s13 | placebo_0 53/436; sumatriptan_1 178/454; sumatriptan_2 207/440
s15 | placebo_0 21/100; sumatriptan_1 58/110; sumatriptan_2 77/103
s18 | placebo_0 22/152; sumatriptan_1 33/135
s19 | sumatriptan_1 185/550; rizatriptan_1 208/547
s20 | sumatriptan_0.5 152/554; rizatriptan_0.5 179/536
s23 | placebo_0 34/118; sumatriptan_1 59/116; sumatriptan_2 70/115
s24 | placebo_0 34/117; sumatriptan_1 59/122; sumatriptan_2 61/115
s25 | placebo_0 35/119; sumatriptan_1 59/111; sumatriptan_2 66/107
s26 | placebo_0 5/74; eletriptan_1 54/154; eletriptan_2 64/152
s27 | placebo_0 20/404; eletriptan_1 280/779; sumatriptan_2 216/799
s28 | placebo_0 12/292; eletriptan_0.5 41/290; eletriptan_1 80/296; eletriptan_2 84/312
s30 | placebo_0 10/79; eletriptan_0.5 19/80; eletriptan_1 17/76; eletriptan_2 21/74
s36 | placebo_0 7/232; eletriptan_1 138/430; eletriptan_2 152/446
s38 | placebo_0 5/102; eletriptan_1 58/206; eletriptan_2 79/209
s41 | placebo_0 6/53; sumatriptan_1 49/147
s42 | placebo_0 15/159; sumatriptan_2 127/387; rizatriptan_0.5 41/164; rizatriptan_1 155/385
"
rows <- list(); V <- list()
for (line in strsplit(trimws(TRIALS), "\n")[[1]]) {
  p <- strsplit(line, " | ", fixed = TRUE)[[1]]
  a <- do.call(rbind, strsplit(strsplit(p[2], "; ")[[1]], "[ /_]"))
  a <- data.frame(agent = a[, 1], dose = as.numeric(a[, 2]), r = as.numeric(a[, 3]), n = as.numeric(a[, 4]))
  y <- log(a$r / (a$n - a$r)); v <- 1 / a$r + 1 / (a$n - a$r); k <- nrow(a) - 1
  rows[[p[1]]] <- data.frame(study = p[1], agent = a$agent[-1], dose = a$dose[-1], base = a$agent[1], bdose = a$dose[1],
                             y = y[-1] - y[1])
  V[[p[1]]] <- matrix(v[1], k, k) + diag(v[-1], k)
}
f <- do.call(rbind, rows); f$row <- seq_len(nrow(f)); V <- bldiag(V); W <- solve(V)
agents <- c("eletriptan", "rizatriptan", "sumatriptan")

design <- function(basis) {  # basis(agent, dose) -> row of columns
  t(mapply(function(a, d, b, e) basis(a, d) - basis(b, e), f$agent, f$dose, f$base, f$bdose))
}
gls <- function(X, W) {
  S <- solve(t(X) %*% W %*% X); b <- drop(S %*% t(X) %*% W %*% f$y); e <- f$y - X %*% b
  list(b = b, se = sqrt(diag(S)), Q = drop(t(e) %*% W %*% e), S = S)
}

linear <- function(a, d) as.numeric(agents == a) * d
X <- design(linear); colnames(X) <- agents
fit <- gls(X, W); cat("linear, common\n"); print(cbind(fit$b, fit$se)); cat("Q", fit$Q, "df", nrow(X) - 3, "\n")
reml <- rma.mv(y, V, mods = X, intercept = FALSE, data = f, struct = "CS", rho = 0.5, random = ~ row | study,
               control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
cat("linear, REML tau2", reml$tau2, "\n"); print(cbind(reml$b, reml$se))
ml <- rma.mv(y, V, mods = X, intercept = FALSE, data = f, struct = "CS", rho = 0.5, random = ~ row | study, method = "ML",
             control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
cat("linear, ML AIC", AIC(ml), "\n")

top <- c(eletriptan = 2, rizatriptan = 1, sumatriptan = 2)
spline <- function(a, d) {  # ns() spans the same curves up to a constant; subtracting dose 0 removes it
  out <- numeric(6)
  if (a %in% agents) {
    k <- c(0.1, 0.5, 0.9) * top[[a]]
    basis <- ns(c(d, 0), knots = k[2], Boundary.knots = k[c(1, 3)])
    out[2 * match(a, agents) - 1:0] <- basis[1, ] - basis[2, ]
  }
  out
}
X <- design(spline); fit <- gls(X, W)
at <- spline("eletriptan", 1.5)
cat("spline, common Q", fit$Q, "eletriptan 1.5", sum(at * fit$b), sqrt(drop(t(at) %*% fit$S %*% at)), "\n")

emax <- function(p) {  # p: Emax and log ED50 of each agent
  curve <- function(a, d) { i <- match(a, agents); ifelse(is.na(i), 0, p[2 * i - 1] * d / (exp(p[2 * i]) + d)) }
  curve(f$agent, f$dose) - curve(f$base, f$bdose)
}
loss <- function(p) { e <- f$y - emax(p); drop(t(e) %*% W %*% e) }
best <- optim(rep(c(2, -0.5), 3), loss, method = "BFGS", control = list(reltol = 1e-17, maxit = 5000))
best <- optim(best$par, loss, method = "BFGS", control = list(reltol = 1e-17, maxit = 5000))
jacobian <- function(p) sapply(1:6, function(i) {  # fourth-order differences
  h <- 1e-4; e <- replace(numeric(6), i, h)
  (8 * (emax(p + e) - emax(p - e)) - emax(p + 2 * e) + emax(p - 2 * e)) / (12 * h) })
for (i in 1:30) {  # Gauss-Newton to convergence
  J <- jacobian(best$par)
  best$par <- best$par + drop(solve(t(J) %*% W %*% J, t(J) %*% W %*% (f$y - emax(best$par))))
}
best$value <- loss(best$par)
cat("Emax, common Q", best$value, "\n"); print(cbind(best$par, sqrt(diag(solve(t(J) %*% W %*% J)))))

nodes <- list(eletriptan = c(0.5, 1, 2), rizatriptan = c(0.5, 1), sumatriptan = c(0.5, 1, 2))
step <- function(a, d) unlist(lapply(agents, function(g) as.numeric(g == a & d >= nodes[[g]])))
X <- design(step); lowest <- Inf
for (s in 0:255) {
  on <- bitwAnd(s, 2^(0:7)) > 0
  b <- if (any(on)) gls(X[, on, drop = FALSE], W)$b else numeric(0)
  if (all(b > 0)) { Q <- if (any(on)) gls(X[, on, drop = FALSE], W)$Q else drop(t(f$y) %*% W %*% f$y)
    if (Q < lowest) { lowest <- Q; keep <- on; steps <- replace(numeric(8), which(on), b) } }
}
cat("isotonic, common Q", lowest, "df", nrow(X) - sum(keep), "\n")
print(unlist(lapply(split(steps, rep(agents, lengths(nodes))), cumsum)))
