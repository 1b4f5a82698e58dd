# Long chains of JAGS for published networks. See README.md.
#   Rscript long_chains.R NETWORKS.json OUTPUT-FOLDER run...      (a run is network:prior, or "all")
suppressMessages({library(rjags); library(jsonlite)})
load.module("dic", quiet = TRUE)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
arguments <- commandArgs(TRUE)
networks <- read_json(arguments[1], simplifyVector = TRUE)
out <- arguments[2]

tau_priors <- list(
  uniform5 = list(bugs = "dunif(0, 5)", words = "uniform (lower 0, upper 5)", family = "uniform", value = 5),
  uniform2 = list(bugs = "dunif(0, 2)", words = "uniform (lower 0, upper 2)", family = "uniform", value = 2),
  halfnormal1 = list(bugs = "dnorm(0, 1) T(0, )", words = "half-normal (scale 1)", family = "half-normal", value = 1),
  halfnormal05 = list(bugs = "dnorm(0, 4) T(0, )", words = "half-normal (scale 0.5)", family = "half-normal", value = 0.5))

likelihoods <- list(
  binomial = "r[i, k] ~ dbin(p[i, k], n[i, k])
      LINK
      fit[i, k] <- min(max(p[i, k], 1.0E-15), 1 - 1.0E-15)
      dev[i, k] <- 2 * (saturated[i, k] - r[i, k] * log(fit[i, k]) - (n[i, k] - r[i, k]) * log(1 - fit[i, k]))",
  poisson = "r[i, k] ~ dpois(rate[i, k] * n[i, k])
      log(rate[i, k]) <- theta[i, k]
      fit[i, k] <- rate[i, k]
      dev[i, k] <- 2 * (saturated[i, k] - r[i, k] * log(rate[i, k] * n[i, k]) + rate[i, k] * n[i, k])",
  normal = "r[i, k] ~ dnorm(theta[i, k], pow(n[i, k], -2))
      fit[i, k] <- theta[i, k]
      dev[i, k] <- pow((r[i, k] - theta[i, k]) / n[i, k], 2)")
links <- c(logit = "logit(p[i, k]) <- theta[i, k]", cloglog = "cloglog(p[i, k]) <- theta[i, k] + log(years[i])")

xlogx <- function(x, y) ifelse(x > 0, x * log(y), 0)

arm_data <- function(net) {
  studies <- unique(net$study)
  arms <- sapply(studies, function(s) sum(net$study == s))
  wide <- function(x) t(sapply(studies, function(s) {
    v <- x[net$study == s]
    c(v, rep(NA, max(arms) - length(v)))
  }))
  r <- wide(net$value)
  n <- wide(net$size)
  data <- list(ns = length(studies), na = as.integer(arms), nt = length(net$treatments), r = r, n = n,
               t = wide(match(net$treatment, net$treatments)))
  if (net$likelihood == "binomial") data$saturated <- xlogx(r, r / n) + xlogx(n - r, (n - r) / n)
  if (net$likelihood == "poisson") data$saturated <- xlogx(r, r) - r
  if (!is.null(net$years)) data$years <- net$years[match(studies, net$study)]
  data
}

contrast_data <- function(net) {
  studies <- net$studies
  arms <- sapply(studies$treatments, length)
  number <- function(s) match(studies$treatments[[s]], net$treatments)
  two <- which(arms == 2)
  three <- which(arms == 3)
  stopifnot(all(arms <= 3))
  V <- array(0, c(length(three), 2, 2))
  for (i in seq_along(three)) V[i, , ] <- studies$covariance[[three[i]]]
  list(nt = length(net$treatments), n2 = length(two), n3 = length(three),
       y2 = sapply(two, function(s) unlist(studies$contrasts[[s]])),
       v2 = sapply(two, function(s) unlist(studies$covariance[[s]])),
       a2 = sapply(two, function(s) number(s)[1]), b2 = sapply(two, function(s) number(s)[2]),
       y3 = t(sapply(three, function(s) unlist(studies$contrasts[[s]]))), V3 = V, t3 = t(sapply(three, number)))
}

# Monte Carlo standard errors by batch means: 100 batches of each chain (Flegal, Haran & Jones 2008, Stat Sci 23:250).
batches <- 100
mcse <- function(x) {  # x: draws by chains
  size <- nrow(x) %/% batches
  x <- x[seq_len(size * batches), , drop = FALSE]
  means <- apply(x, 2, function(chain) colMeans(matrix(chain, size)))
  sqrt(mean(apply(means, 2, var)) / batches / ncol(x))
}
rhat <- function(x) {  # split chains
  half <- nrow(x) %/% 2
  y <- cbind(x[seq_len(half), ], x[half + seq_len(half), ])
  sqrt((var(colMeans(y)) + mean(apply(y, 2, var)) * (half - 1) / half) / mean(apply(y, 2, var)))
}
describe <- function(x) {
  all <- as.vector(x)
  probabilities <- c(q025 = 0.025, q25 = 0.25, q50 = 0.5, q75 = 0.75, q975 = 0.975)
  q <- quantile(all, probabilities, names = FALSE)
  off <- sapply(q, function(value) mcse((x <= value) + 0))
  ends <- function(p) quantile(all, pmin(pmax(p, 0), 1), names = FALSE)
  found <- c(list(mean = mean(all), sd = sd(all)), setNames(as.list(q), names(probabilities)))
  se <- (ends(probabilities + off) - ends(probabilities - off)) / 2
  c(found, list(mcse_mean = mcse(x), mcse_sd = mcse((x - mean(all))^2) / (2 * sd(all))),
    setNames(as.list(se), paste0("mcse_", names(probabilities))),
    list(ess = (sd(all) / mcse(x))^2, rhat = rhat(x)))
}

# network, prior of tau, model, glm: whether JAGS's module for generalised linear models (block updates) is loaded,
# draws a chain, sd of effects' and baselines' normal priors, seed
runs <- read.csv(file.path(here, "runs.csv"), comment.char = "#", strip.white = TRUE)

for (row in seq_len(nrow(runs))) {
  run <- runs[row, ]
  name <- paste0(run$network, ":", run$prior)
  if (!("all" %in% arguments[-(1:2)] || name %in% arguments[-(1:2)] || run$network %in% arguments[-(1:2)])) next
  net <- networks[[run$network]]
  prior <- tau_priors[[run$prior]]
  code <- paste(readLines(file.path(here, paste0(run$model, ".bug"))), collapse = "\n")
  if (run$model != "contrasts") {
    code <- sub("LIKELIHOOD", likelihoods[[net$likelihood]], code, fixed = TRUE)
    if (net$likelihood == "binomial") code <- sub("LINK", links[[net$link]], code, fixed = TRUE)
  }
  code <- gsub("TAU_PRIOR", prior$bugs, code, fixed = TRUE)
  code <- gsub("EFFECT_SD", run$effect_sd, code, fixed = TRUE)
  code <- gsub("BASELINE_SD", run$baseline_sd, code, fixed = TRUE)
  data <- if (run$model == "contrasts") contrast_data(net) else arm_data(net)
  inits <- lapply(1:4, function(chain) list(
    .RNG.name = "base::Mersenne-Twister", .RNG.seed = 1000 * run$seed + chain, tau = c(0.05, 0.2, 0.5, 1)[chain]))
  if (run$glm) load.module("glm", quiet = TRUE) else if ("glm" %in% list.modules()) unload.module("glm", quiet = TRUE)
  started <- proc.time()[["elapsed"]]
  cpu <- sum(proc.time()[1:2])
  model <- jags.model(textConnection(code), data, inits, n.chains = 4, n.adapt = 2000, quiet = TRUE)
  update(model, run$draws %/% 20, progress.bar = "none")
  watched <- c("d", "tau", if (run$model != "contrasts") "totresdev")
  samples <- coda.samples(model, watched, run$draws, progress.bar = "none")
  set.seed(run$seed)
  draws <- function(v) sapply(samples, function(chain) as.vector(chain[, v]))
  tau <- draws("tau")
  effects <- lapply(seq_along(net$treatments)[-1], function(j) draws(paste0("d[", j, "]")))
  labels <- net$treatments[-1]
  quantities <- c(list(tau = describe(tau)),
                  setNames(lapply(effects, describe), paste0("d[", labels, "]")),
                  setNames(lapply(effects, function(x) describe(x + tau * rnorm(length(x)))), paste0("new[", labels, "]")))
  highest <- do.call(pmax, c(list(0 * tau), effects))
  first <- lapply(c(list(0 * tau), effects), function(x) (x == highest) + 0)
  share <- lapply(first, function(x) list(mean = mean(x), mcse_mean = mcse(x)))
  result <- list(name = run$network, publication = net$publication,
                 data = if (run$model == "contrasts") "tests/synthesis/network/network_datasets.py" else "tests/synthesis/bayes/network_data.py",
                 model = paste("random effects,", net$likelihood, net$link),
                 treatments = net$treatments,
                 priors = list(tau = prior$words, tau_family = prior$family, tau_parameter = prior$value,
                               effects = sprintf("normal (mean 0, sd %g), each against %s", run$effect_sd, net$treatments[1]),
                               effect_sd = run$effect_sd,
                               baselines = if (run$model == "contrasts") "none (contrasts)" else sprintf("normal (mean 0, sd %g), first arm listed of each study", run$baseline_sd),
                               baseline_sd = if (run$model == "contrasts") NULL else run$baseline_sd),
                 made_by = paste0("JAGS ", jags.version(), ", rjags ", packageVersion("rjags"), ", validation/bayes/long_chains.R"),
                 chains = 4, draws_a_chain = run$draws,
                 quantities = quantities, highest = setNames(share, net$treatments))
  if (run$model != "contrasts") {
    again <- jags.samples(model, c("fit", "dev"), run$draws %/% 4, type = "mean")
    at_mean <- function(fit) {
      fit <- fit[, ]
      with(data, switch(net$likelihood,
        binomial = 2 * (saturated - xlogx(r, fit) - xlogx(n - r, 1 - fit)),
        poisson = 2 * (saturated - xlogx(r, fit * n) + fit * n),
        normal = ((r - fit) / n)^2))
    }
    each <- sapply(1:4, function(chain) {
      dbar <- sum(again$dev[, , chain], na.rm = TRUE)
      c(dbar = dbar, pd = dbar - sum(at_mean(again$fit[, , chain]), na.rm = TRUE))
    })
    result$criticism <- list(
      residual_deviance = describe(draws("totresdev"))[c("mean", "sd", "mcse_mean")],
      pd = list(mean = mean(each["pd", ]), mcse_mean = sd(each["pd", ]) / 2),
      note = "pd: posterior mean of the residual deviance minus the deviance at the posterior mean of the fitted probability, rate or mean of each arm (TSD 2, section 2.2)",
      arms = sum(data$na))
  }
  write_json(result, file.path(out, paste0(run$network, "_", run$prior, ".json")), auto_unbox = TRUE, digits = 8, pretty = TRUE)
  cat(sprintf("%s: %.0f s, cpu %.0f s; ess tau %.0f, least of d %.0f; worst rhat %.4f\n", name, proc.time()[["elapsed"]] - started,
              sum(proc.time()[1:2]) - cpu, quantities$tau$ess,
              min(sapply(quantities[1 + seq_along(labels)], function(q) q$ess)), max(sapply(quantities, function(q) q$rhat))))
}
