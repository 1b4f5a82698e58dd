# Reference values for tests/synthesis/network: exact (restricted) likelihood with the full covariance of multi-arm
# studies, by metafor's rma.mv. Prints them; the tests pin what it prints.
#   Rscript validation/network/rma_mv.R
suppressMessages(library(metafor))
cat("metafor", as.character(packageVersion("metafor")), "\n")
options(digits = 15)

# Baseline contrasts and covariances of one study from all of its pairs (TE = treat1 minus treat2).
baseline <- function(d) {
  arms <- sort(unique(c(d$treat1, d$treat2)))
  m <- length(arms)
  y <- v <- matrix(0, m, m, dimnames = list(arms, arms))
  for (i in seq_len(nrow(d))) {
    a <- d$treat1[i]; b <- d$treat2[i]
    y[a, b] <- d$TE[i]; y[b, a] <- -d$TE[i]
    v[a, b] <- v[b, a] <- d$seTE[i]^2
  }
  V <- outer(v[-1, 1], v[-1, 1], "+") / 2 - v[-1, -1] / 2
  list(study = rep(d$studlab[1], m - 1), treat = arms[-1], base = rep(arms[1], m - 1), y = y[-1, 1], V = as.matrix(V))
}

network <- function(d, reference) {
  parts <- lapply(split(d, factor(d$studlab, unique(d$studlab))), baseline)
  y <- unlist(lapply(parts, `[[`, "y")); study <- unlist(lapply(parts, `[[`, "study"))
  treat <- unlist(lapply(parts, `[[`, "treat")); base <- unlist(lapply(parts, `[[`, "base"))
  V <- metafor::bldiag(lapply(parts, `[[`, "V"))
  treatments <- setdiff(sort(unique(c(treat, base))), reference)
  X <- sapply(treatments, function(t) (treat == t) - (base == t))
  frame <- data.frame(y = y, study = study, row = seq_along(y))
  cat("reference", reference, "\n")
  common <- rma.mv(y, V, mods = X, intercept = FALSE, data = frame)
  show("common", common)
  for (method in c("REML", "ML")) {
    fit <- rma.mv(y, V, mods = X, intercept = FALSE, data = frame, method = method, struct = "CS", rho = 0.5,
                  random = ~ row | study, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
    show(method, fit)
  }
}

show <- function(name, fit) {
  cat(name, "tau2", format(fit$tau2, digits = 12), "QE", format(fit$QE, digits = 15), "\n")
  print(data.frame(b = as.vector(fit$b), se = fit$se, row.names = rownames(fit$b)))
}

cat("== Senn 2013\n")
senn <- read.table(header = TRUE, stringsAsFactors = FALSE, text = "
studlab treat1 treat2 TE seTE
DeFronzo1995 metf plac -1.9 0.1414
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
Willms1999 acar plac -1 0.4669")
network(senn, "plac")

cat("== Parkinson (NICE DSU TSD2, example 7)\n")
parkinson <- read.table(header = TRUE, stringsAsFactors = FALSE, text = "
studlab treat1 treat2 TE seTE
s1 A C 0.31 0.668089651
s2 A B 1.7 0.382640605
s3 C D 0.35 0.441941738
s4 C D -0.55 0.555114559
s5 D E 0.3 0.274276316
s6 D E 0.3 0.320087245
s7 A B 2.3 0.71774604
s7 A D 0.9 0.694988091
s7 B D -1.4 0.6990666417883104")
network(parkinson, "A")
