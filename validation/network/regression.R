# Reference values for tests/synthesis/network/test_network_regression.py: metafor's rma.mv with
# the full covariance of multi-arm studies. Data: Hasselblad 1998 (metadat) with a made-up covariate 1, 2, 1, 2, …
# over the studies in order, as on netmeta's help page of netmetareg; NICE DSU TSD 3, example 2 (certolizumab).
#   Rscript validation/network/regression.R
suppressMessages({library(metafor); library(metadat)})
options(digits = 15)

contrasts_of <- function(d) {  # d: study, treat, r, n, x
  out <- lapply(split(d, factor(d$study, unique(d$study))), function(s) {
    s <- s[order(s$treat), ]
    if (any(s$r == 0) || any(s$r == s$n)) { s$r <- s$r + 0.5; s$n <- s$n + 1 }
    y <- log(s$r / (s$n - s$r)); v <- 1 / s$r + 1 / (s$n - s$r); k <- nrow(s) - 1
    list(frame = data.frame(study = s$study[-1], base = s$treat[1], treat = s$treat[-1], y = y[-1] - y[1], x = s$x[1]),
         V = matrix(v[1], k, k) + diag(v[-1], k))
  })
  list(frame = do.call(rbind, lapply(out, `[[`, "frame")), V = bldiag(lapply(out, `[[`, "V")))
}

regress <- function(d, reference, slopes, centre, method) {
  z <- contrasts_of(d); f <- z$frame; f$row <- seq_len(nrow(f))
  trts <- setdiff(sort(unique(c(f$treat, f$base))), reference)
  D <- sapply(trts, function(t) (f$treat == t) - (f$base == t))
  S <- if (slopes == "none") NULL else if (slopes == "shared") cbind(x = (f$x - centre) * rowSums(D)) else {
    m <- (f$x - centre) * D; colnames(m) <- paste0("x:", colnames(m)); m }
  X <- cbind(D, S)
  if (method == "FE") fit <- rma.mv(y, z$V, mods = X, intercept = FALSE, data = f)
  else fit <- rma.mv(y, z$V, mods = X, intercept = FALSE, data = f, method = method, struct = "CS", rho = 0.5,
                     random = ~ row | study, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
  cat("\n", reference, slopes, method, "tau2", if (method == "FE") 0 else fit$tau2, "QE", fit$QE, "df", fit$k - fit$p, "\n")
  print(data.frame(b = fit$b, se = fit$se))
  if (!is.null(S)) {
    i <- ncol(D) + seq_len(ncol(S))
    cat("QM", drop(t(fit$b[i]) %*% solve(fit$vb[i, i]) %*% fit$b[i]), "df", length(i), "\n")
  }
}

smoking <- dat.hasselblad1998
smoking <- data.frame(study = smoking$study, treat = c("A", "B", "C", "D")[match(smoking$trt, c("no_contact", "self_help",
  "ind_counseling", "grp_counseling"))], r = smoking$xi, n = smoking$ni)
smoking$x <- 1 + (match(smoking$study, unique(smoking$study)) + 1) %% 2
cat("== smoking cessation, covariate centred at 1.5\n")
for (slopes in c("shared", "treatment")) for (method in c("FE", "REML")) regress(smoking, "A", slopes, 1.5, method)
cat("\n== smoking cessation, subgroups by the covariate\n")
for (g in 1:2) for (method in c("FE", "REML")) { cat("x =", g); regress(subset(smoking, x == g), "A", "none", 0, method) }
