# Reference values for tests/synthesis/network/test_network_components.py: metafor's rma.mv with the components as moderators
# and the full covariance of multi-arm studies; DL by its matrix formula. Data: Linde et al. 2016 (metadat).
#   Rscript validation/network/components.R
suppressMessages({library(metafor); library(metadat)})
options(digits = 15)

baseline <- function(d) {
  arms <- sort(unique(c(d$treat1, d$treat2))); m <- length(arms)
  y <- v <- matrix(0, m, m, dimnames = list(arms, arms))
  for (i in seq_len(nrow(d))) {
    a <- d$treat1[i]; b <- d$treat2[i]
    y[a, b] <- d$TE[i]; y[b, a] <- -d$TE[i]; v[a, b] <- v[b, a] <- d$seTE[i]^2
  }
  list(study = rep(d$studlab[1], m - 1), treat = arms[-1], base = rep(arms[1], m - 1), y = y[-1, 1],
       V = as.matrix(outer(v[-1, 1], v[-1, 1], "+") / 2 - v[-1, -1] / 2))
}

components <- function(d, inactive, interactions = list(), what = "") {
  cat("\n==", what, "\n")
  parts <- lapply(split(d, factor(d$studlab, unique(d$studlab))), baseline)
  get <- function(x) unlist(lapply(parts, `[[`, x), use.names = FALSE)
  y <- get("y"); study <- get("study"); V <- bldiag(lapply(parts, `[[`, "V"))
  has <- function(t) setdiff(trimws(strsplit(t, "+", fixed = TRUE)[[1]]), inactive)
  all <- sort(unique(unlist(lapply(c(get("treat"), get("base")), has))))
  column <- function(t) c(as.numeric(all %in% has(t)), sapply(interactions, function(i) as.numeric(all_in(i, has(t)))))
  X <- t(mapply(function(a, b) unlist(column(a)) - unlist(column(b)), get("treat"), get("base")))
  colnames(X) <- c(all, sapply(interactions, paste, collapse = "*"))
  W <- solve(V); R <- bldiag(lapply(parts, function(p) (diag(length(p$y)) + 1) / 2))
  A <- solve(t(X) %*% W %*% X); b <- A %*% t(X) %*% W %*% y; r <- y - X %*% b
  Q <- drop(t(r) %*% W %*% r); df <- length(y) - ncol(X)
  tau2 <- max(0, (Q - df) / (sum(diag(W %*% R)) - sum(diag(A %*% t(X) %*% W %*% R %*% W %*% X))))
  cat("Q", Q, "df", df, "tau2 DL", tau2, "\n")
  report <- function(name, tau2) {
    W <- solve(V + tau2 * R); A <- solve(t(X) %*% W %*% X)
    cat(name, "\n"); print(cbind(b = drop(A %*% t(X) %*% W %*% y), se = sqrt(diag(A))))
  }
  report("common", 0); report("DL", tau2)
  frame <- data.frame(y = y, study = study, row = seq_along(y))
  fit <- rma.mv(y, V, mods = X, intercept = FALSE, data = frame, struct = "CS", rho = 0.5, random = ~ row | study,
                control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
  cat("REML tau2", fit$tau2, "\n"); print(data.frame(b = fit$b, se = fit$se))
}
all_in <- function(i, parts) all(i %in% parts)

linde <- dat.linde2016
names(linde)[match(c("id", "lnOR", "selnOR"), names(linde))] <- c("studlab", "TE", "seTE")
face <- subset(linde, studlab %in% c(16, 24, 49, 118))
components(face, "Placebo", what = "Linde 2016, studies with face-to-face PST")
components(linde, "Placebo", what = "Linde 2016")
components(linde, "Placebo", list(c("Face-to-face CBT", "SSRI")), what = "Linde 2016, interaction CBT * SSRI")
