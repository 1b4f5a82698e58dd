# Reference values for tests/synthesis/network/test_network_small_study.py: Egger's regression (base R's lm) on the comparison-
# adjusted effects of Senn 2013 (metadat), centred at common-effect direct estimates, active treatments minus placebo;
# and metafor's rma.mv for the regression on the variance.  Rscript validation/network/small_study.R
suppressMessages({library(metafor); library(metadat)})
options(digits = 15)
SENN <- "DeFronzo1995 metf plac -1.9 0.1414
Lewin2007 metf plac -0.82 0.0992
Willms1999 metf acar -0.2 0.3579
Davidson2007 rosi plac -1.34 0.1435
Wolffenbuttel1999 rosi plac -1.1 0.1141
Kipnes2001 piog plac -1.3 0.1268
Kerenyi2004 rosi plac -0.77 0.1078
Hanefeld2004 piog metf 0.16 0.0849
Derosa2004 piog rosi 0.1 0.1831
Baksi2004 rosi plac -1.3 0.1014
Rosenstock2008 rosi plac -1.09 0.2263
Zhu2003 rosi plac -1.5 0.1624
Yang2003 rosi metf -0.14 0.2239
Vongthavaravat2002 rosi sulf -1.2 0.1436
Oyama2008 acar sulf -0.4 0.1549
Costa1997 acar plac -0.8 0.1432
Hermansen2007 sita plac -0.57 0.1291
Garber2008 vild plac -0.7 0.1273
Alex1998 metf sulf -0.37 0.1184
Johnston1994 migl plac -0.74 0.1839
Johnston1998a migl plac -1.41 0.2235
Kim2007 rosi metf 0 0.2339
Johnston1998b migl plac -0.68 0.2828
Gonzalez-Ortiz2004 metf plac -0.4 0.4356
Stucci1996 benf plac -0.23 0.3467
Moulin2006 benf plac -1.01 0.1366
Willms1999 metf plac -1.2 0.3758
Willms1999 acar plac -1 0.4669"
d <- read.table(text = SENN, col.names = c("study", "a", "b", "y", "se"), stringsAsFactors = FALSE)

p <- d[d$b == "plac", ]
w <- 1 / p$se^2
p$centre <- ave(p$y * w, p$a, FUN = sum) / ave(w, p$a, FUN = sum)
fit <- lm(I(y - centre) ~ se, weights = 1 / se^2, data = p)
cat("Egger, placebo comparisons, n =", nrow(p), "\n"); print(summary(fit)$coefficients)

# regression on the variance: one row a contrast against the study's first arm, full covariance
rows <- list(); V <- list()
for (s in unique(d$study)) {
  z <- d[d$study == s, ]
  if (nrow(z) == 1) { rows[[s]] <- data.frame(study = s, a = z$a, b = z$b, y = z$y, x = z$se^2); V[[s]] <- z$se^2 }
  else {  # Willms1999: metf and acar against plac
    v <- function(i, j) z$se[(z$a == i & z$b == j) | (z$a == j & z$b == i)]^2
    rows[[s]] <- data.frame(study = s, a = c("acar", "metf"), b = "plac", y = c(-1, -1.2), x = mean(z$se^2))
    k <- (v("acar", "plac") + v("metf", "plac") - v("metf", "acar")) / 2
    V[[s]] <- matrix(c(v("acar", "plac"), k, k, v("metf", "plac")), 2)
  }
}
f <- do.call(rbind, rows); f$row <- seq_len(nrow(f)); V <- bldiag(V)
trts <- setdiff(sort(unique(c(f$a, f$b))), "plac")
D <- sapply(trts, function(t) (f$a == t) - (f$b == t))
X <- cbind(D, variance = f$x * rowSums(D))
fit <- rma.mv(y, V, mods = X, intercept = FALSE, data = f, struct = "CS", rho = 0.5, random = ~ row | study,
              control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
cat("variance regression tau2", fit$tau2, "smallest variance", min(f$x), "\n")
print(data.frame(b = fit$b, se = fit$se))
