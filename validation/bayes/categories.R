# Long chains of JAGS for ordered categories and competing events. See README.md.
#   Rscript categories.R ordered|competing ARMS.csv draws      (study, treatment, three counts, n, time; the reference first)
suppressMessages(library(rjags))
arguments <- commandArgs(TRUE)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
arms <- read.csv(arguments[2], na.strings = c(".", "NA", ""))
studies <- unique(arms$study)
treatments <- unique(arms$treatment)
treatments <- c(treatments[1], sort(treatments[-1]))
ns <- length(studies); most <- max(table(arms$study))
t <- n <- matrix(NA, ns, most); na <- f <- numeric(ns); r <- array(NA, c(ns, most, 4)); rows <- NULL
for (i in seq_len(ns)) {
  own <- arms[arms$study == studies[i], ]
  na[i] <- nrow(own); if (!is.null(own$time)) f[i] <- own$time[1]
  for (k in seq_len(na[i])) {
    counts <- as.numeric(own[k, 3:5])
    t[i, k] <- match(own$treatment[k], treatments); n[i, k] <- own$n[k]; r[i, k, ] <- c(counts, own$n[k] - sum(counts))
    left <- own$n[k]; previous <- 0
    for (c in which(!is.na(counts))) {
      above <- sum(counts[c:3], na.rm = TRUE)
      if (left > 0) rows <- rbind(rows, data.frame(s = i, arm = k, cut = c, prev = previous, y = above, n = left))
      left <- above; previous <- c
    }
  }
}
inits <- function(chain) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = chain)
if (arguments[1] == "ordered") {
  data <- c(list(ns = ns, na = na, t = t, nt = length(treatments), nr = nrow(rows)), as.list(rows))
  start <- list(mu = rep(-1, ns), gap = c(0.7, 0.7), tau = 0.3)
} else {
  data <- list(ns = ns, na = na, t = t, nt = length(treatments), r = r, n = n, f = f)
  start <- list(mu = matrix(-5, ns, 3), tau = rep(0.3, 3))
}
model <- jags.model(file.path(here, paste0(arguments[1], ".bug")), data, lapply(1:4, function(c) c(inits(c), start)), 4, 3000,
                    quiet = TRUE)
draws <- coda.samples(model, c("d", "tau", if (arguments[1] == "ordered") "z"), as.numeric(arguments[3]), 10)
found <- summary(draws)
print(treatments)
print(cbind(found$statistics[, 1:2], found$quantiles[, c(1, 3, 5)], ess = effectiveSize(draws)[rownames(found$statistics)]),
      digits = 7)
