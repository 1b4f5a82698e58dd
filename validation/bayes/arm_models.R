# Chains of JAGS for what the tests of arm-level posteriors compare with beyond long_chains.R: risk ratios (log link, every
# predictor below 0), unrelated mean effects, replicates of the arms, and a baseline pooled over studies. See README.md.
#   Rscript arm_models.R NETWORK.csv MODEL DRAWS      (columns study, treatment, events, n; MODEL: ratios, unrelated,
#   replicates or baseline; the scale of the half-normal prior of tau for ratios as a fourth argument)
suppressMessages(library(rjags))
given <- commandArgs(TRUE)
arms <- read.csv(given[1])
model <- given[2]
draws <- as.integer(given[3])
scale <- if (length(given) > 3) as.numeric(given[4]) else 1

names <- sort(unique(arms$treatment))
studies <- unique(arms$study)
# A study's arms by treatment, as its comparisons are against the first.
arms <- arms[order(match(arms$study, studies), match(arms$treatment, names)), ]
na <- as.integer(table(factor(arms$study, studies)))
wide <- function(x) t(sapply(studies, function(s) { v <- x[arms$study == s]; c(v, rep(NA, max(na) - length(v))) }))
data <- list(ns = length(studies), na = na, nt = length(names), t = wide(match(arms$treatment, names)),
             r = wide(arms$events), n = wide(arms$n))

mean_of <- if (model == "unrelated") "d[t[i, 1], t[i, k]]" else "d[t[i, k]] - d[t[i, 1]]"
effects <- if (model == "unrelated") "for (a in 1:(nt - 1)) { for (b in (a + 1):nt) { d[a, b] ~ dnorm(0, EFFECT) } }" else
  "d[1] <- 0\n  for (j in 2:nt) { d[j] ~ dnorm(0, EFFECT) }"
link <- if (model == "ratios") "one[i, k] ~ dbern(step(-theta[i, k]))
      p[i, k] <- exp(min(theta[i, k], -1.0E-12))" else "logit(p[i, k]) <- theta[i, k]"
code <- "model {
  for (i in 1:ns) {
    mu[i] ~ BASELINE
    delta[i, 1] <- 0
    w[i, 1] <- 0
    for (k in 2:na[i]) {
      delta[i, k] ~ dnorm(md[i, k], 2 * (k - 1) / (k * tau * tau))
      md[i, k] <- MEAN + sum(w[i, 1:(k - 1)]) / (k - 1)
      w[i, k] <- delta[i, k] - (MEAN)
    }
    for (k in 1:na[i]) {
      theta[i, k] <- mu[i] + delta[i, k]
      LINK
      r[i, k] ~ dbin(p[i, k], n[i, k])
      again[i, k] ~ dbin(p[i, k], n[i, k])
      q[i, k] <- min(max(p[i, k], 1.0E-15), 1 - 1.0E-15)
      most[i, k] <- r[i, k] * log(max(r[i, k], 1) / n[i, k]) + (n[i, k] - r[i, k]) * log(max(n[i, k] - r[i, k], 1) / n[i, k])
      most_again[i, k] <- again[i, k] * log(max(again[i, k], 1) / n[i, k]) + (n[i, k] - again[i, k]) * log(max(n[i, k] - again[i, k], 1) / n[i, k])
      dev[i, k] <- 2 * (most[i, k] - r[i, k] * log(q[i, k]) - (n[i, k] - r[i, k]) * log(1 - q[i, k]))
      dev_again[i, k] <- 2 * (most_again[i, k] - again[i, k] * log(q[i, k]) - (n[i, k] - again[i, k]) * log(1 - q[i, k]))
      above[i, k] <- (again[i, k] > r[i, k]) + 0.5 * equals(again[i, k], r[i, k])
    }
    of_study[i] <- sum(dev[i, 1:na[i]])
    of_study_again[i] <- sum(dev_again[i, 1:na[i]])
  }
  deviance_of_all <- sum(of_study[])
  larger <- step(sum(of_study_again[]) - deviance_of_all)
  EFFECTS
  tau ~ TAU
}"
if (model == "baseline") {
  code <- "model {
    for (i in 1:ns) { r[i] ~ dbin(p[i], n[i]); logit(p[i]) <- mu[i]; mu[i] ~ dnorm(m, pow(tau, -2)) }
    m ~ dnorm(0, 0.0001)
    tau ~ dunif(0, 5)
    new ~ dnorm(m, pow(tau, -2))
    risk <- ilogit(m)
    risk_new <- ilogit(new)
  }"
  first <- arms[arms$treatment == names[1], ]
  data <- list(ns = nrow(first), r = first$events, n = first$n)
} else {
  ratios <- model == "ratios"
  for (pair in list(c("MEAN", mean_of), c("LINK", link), c("EFFECTS", effects),
                    c("BASELINE", if (ratios) "dunif(-20, 0)" else "dnorm(0, 0.01)"),
                    c("EFFECT", if (ratios) "0.25" else "0.01"),
                    c("TAU", if (ratios) sprintf("dnorm(0, %g) T(0, )", scale^-2) else "dunif(0, 5)"))) {
    code <- gsub(paste0("\\b", pair[1], "\\b"), pair[2], code)
  }
  if (ratios) data$one <- ifelse(is.na(data$t), NA, 1)
}
inits <- lapply(1:4, function(chain) {
  start <- list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = 100 + chain)
  if (model == "ratios") {
    start <- c(start, list(mu = rep(-3, length(studies)), delta = cbind(NA, ifelse(is.na(data$t[, -1]), NA, 0))))
  }
  start
})
fitted <- jags.model(textConnection(code), data, inits, n.chains = 4, n.adapt = 3000, quiet = TRUE)
update(fitted, draws %/% 20, progress.bar = "none")
watched <- if (model == "baseline") c("m", "tau", "new", "risk", "risk_new") else
  c("d", "tau", "deviance_of_all", "larger", "p", if (model == "replicates") c("above", "again"))
samples <- coda.samples(fitted, watched, draws, thin = 5, progress.bar = "none")
print(summary(samples, quantiles = c(0.025, 0.25, 0.5, 0.75, 0.975)))
