# Reference values for tests/synthesis/network/test_network_*.py, by metafor's rma.mv with the full covariance of
# multi-arm studies. Reads the datasets as the tests have them typed, writes network_reference.json beside the tests.
#   Rscript validation/network/network_reference.R      (from the top of the checkout; needs metafor and jsonlite)
suppressMessages({library(metafor); library(jsonlite)})
tests <- "tests/synthesis/network"

typed <- function(file, name) {
  lines <- readLines(file.path(tests, file))
  start <- grep(paste0("^", name, ' = """'), lines)
  end <- start + grep('^"""', lines[-seq_len(start)])[1]
  trimws(lines[(start + 1):(end - 1)])
}

# A study: treatments (the first is the baseline), y (others minus baseline), V.
from_pairs <- function(lines) {
  d <- read.table(text = lines, col.names = c("study", "t1", "t2", "te", "se"), stringsAsFactors = FALSE)
  lapply(split(d, factor(d$study, unique(d$study))), function(s) {
    arms <- sort(unique(c(s$t1, s$t2))); m <- length(arms)
    y <- v <- matrix(0, m, m, dimnames = list(arms, arms))
    for (i in seq_len(nrow(s))) {
      y[s$t1[i], s$t2[i]] <- s$te[i]; y[s$t2[i], s$t1[i]] <- -s$te[i]
      v[s$t1[i], s$t2[i]] <- v[s$t2[i], s$t1[i]] <- s$se[i]^2
    }
    V <- (outer(v[-1, 1], v[-1, 1], "+") - v[-1, -1, drop = FALSE]) / 2
    list(study = s$study[1], arms = arms, y = unname(y[-1, 1]), V = unname(as.matrix(V)))
  })
}

# Log odds ratios from "id | treatment events/participants; ...": 1/2 added to all cells where a study has a zero.
from_counts <- function(lines) {
  studies <- lapply(strsplit(lines, " \\| "), function(parts) {
    arms <- strsplit(trimws(strsplit(parts[2], ";")[[1]]), " (?=[0-9]+/)", perl = TRUE)
    counts <- do.call(rbind, lapply(arms, function(a) as.numeric(strsplit(a[2], "/")[[1]])))
    r <- counts[, 1]; n <- counts[, 2]
    if (all(r == 0)) return(NULL)
    add <- if (any(r == 0 | r == n)) 0.5 else 0
    o <- order(sapply(arms, `[`, 1))
    a <- log((r + add) / (n - r + add))[o]; v <- (1 / (r + add) + 1 / (n - r + add))[o]
    list(study = trimws(parts[1]), arms = sapply(arms, `[`, 1)[o], y = a[-1] - a[1],
         V = diag(v[-1], length(v) - 1) + v[1])
  })
  Filter(Negate(is.null), studies)
}

half <- function(k) diag(k) / 2 + 0.5

stack <- function(studies) {
  size <- sapply(studies, function(s) length(s$y))
  list(y = unlist(lapply(studies, `[[`, "y")), V = bldiag(lapply(studies, `[[`, "V")),
       R = bldiag(lapply(size, half)), study = rep(seq_along(studies), size),
       treat = unlist(lapply(studies, function(s) s$arms[-1])),
       base = unlist(lapply(studies, function(s) rep(s$arms[1], length(s$y)))),
       design = unlist(lapply(studies, function(s) rep(paste(sort(s$arms), collapse = ":"), length(s$y)))))
}

columns <- function(d, treatments) {
  X <- vapply(treatments[-1], function(t) (d$treat == t) - (d$base == t), numeric(length(d$y)))
  matrix(X, length(d$y), dimnames = list(NULL, treatments[-1]))
}

fixed <- function(d, X, tau2) rma.mv(d$y, d$V + tau2 * d$R, mods = X, intercept = FALSE, method = "FE")

fitted_tau2 <- function(d, X, method) {
  frame <- data.frame(y = d$y, row = seq_along(d$y), study = d$study)
  rma.mv(y, d$V, mods = X, intercept = FALSE, data = frame, random = ~ row | study, struct = "CS", rho = 0.5,
         method = method, control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))$tau2
}

# Jackson, White & Riley 2012: the generalised method of moments.
moments <- function(d, X) {
  W <- solve(d$V); C <- solve(t(X) %*% W %*% X)
  r <- d$y - X %*% C %*% t(X) %*% W %*% d$y
  Q <- drop(t(r) %*% W %*% r)
  max(0, (Q - (length(d$y) - ncol(X))) /
        (sum(diag(W %*% d$R)) - sum(diag(C %*% t(X) %*% W %*% d$R %*% W %*% X))))
}

matrices <- function(fit, treatments) {
  b <- c(0, as.vector(fit$b)); S <- rbind(0, cbind(0, vcov(fit)))
  se <- sqrt(pmax(outer(diag(S), diag(S), "+") - 2 * S, 0))
  list(estimates = outer(b, b, "-"), se = unname(se))
}

linked <- function(studies, a, b) {
  seen <- a
  repeat {
    more <- unique(c(seen, unlist(lapply(studies, function(s) if (any(s$arms %in% seen)) s$arms))))
    if (length(more) == length(seen)) return(b %in% seen)
    seen <- more
  }
}

reachable <- function(studies, a) {
  seen <- a
  repeat {
    more <- unique(c(seen, unlist(lapply(studies, function(s) if (any(s$arms %in% seen)) s$arms))))
    if (length(more) == length(seen)) return(sort(seen))
    seen <- more
  }
}

splits <- function(studies, treatments, tau2) {
  rows <- list()
  for (i in seq_along(treatments)) for (j in seq_along(treatments)) if (i < j) {
    a <- treatments[i]; b <- treatments[j]
    both <- sapply(studies, function(s) all(c(a, b) %in% s$arms))
    if (!any(both)) next
    d <- stack(studies); X <- columns(d, treatments)
    pair <- do.call(rbind, lapply(studies[both], function(s) {
      y <- c(0, s$y); V <- rbind(0, cbind(0, s$V)); p <- match(a, s$arms); q <- match(b, s$arms)
      c(y[p] - y[q], V[p, p] + V[q, q] - 2 * V[p, q])
    }))
    direct <- rma(pair[, 1], pair[, 2] + tau2, method = "FE")
    row <- list(a = a, b = b, studies = sum(both), direct = as.vector(direct$b), direct_se = direct$se)
    rest <- studies[!both]
    if (length(rest) && linked(rest, a, b)) {
      keep <- reachable(rest, a)
      part <- Filter(function(s) s$arms[1] %in% keep, rest)
      dr <- stack(part); Xr <- columns(dr, c(b, setdiff(keep, b)))
      without <- fixed(dr, Xr, tau2)
      row$sidde <- without$b[a, 1]; row$sidde_se <- sqrt(vcov(without)[a, a])
      anew <- if (length(dr$y) > ncol(Xr)) fitted_tau2(dr, Xr, "REML") else 0
      again <- fixed(dr, Xr, anew)
      row$sidde_reml <- again$b[a, 1]; row$sidde_reml_se <- sqrt(vcov(again)[a, a])
      shift <- 0.5 * (both[d$study] & TRUE) * (((d$treat == a) - (d$base == a)) - ((d$treat == b) - (d$base == b)))
      Xn <- cbind(columns(d, c(b, setdiff(treatments, b))), shift = shift)
      node <- fixed(d, Xn, tau2); V <- vcov(node)
      row$node_indirect <- node$b[a, 1]; row$node_indirect_se <- sqrt(V[a, a])
      row$node_direct <- node$b[a, 1] + node$b["shift", 1]
      row$node_direct_se <- sqrt(V[a, a] + V["shift", "shift"] + 2 * V[a, "shift"])
      row$node_difference_se <- sqrt(V["shift", "shift"])
      own <- fixed(d, Xn, fitted_tau2(d, Xn, "REML"))
      row$node_reml_difference <- own$b["shift", 1]; row$node_reml_difference_se <- sqrt(vcov(own)["shift", "shift"])
    }
    rows[[length(rows) + 1]] <- row
  }
  rows
}

# Own effects for every design: its other arms minus its first.
design_columns <- function(d) {
  own <- paste(d$design, d$treat, d$base)
  matrix(vapply(unique(own), function(o) as.numeric(own == o), numeric(length(own))), length(own))
}

# Studies of one design need the same baseline, which from_pairs and from_counts give them: the first by name.
decomposition <- function(studies, treatments) {
  d <- stack(studies); X <- columns(d, treatments); Z <- design_columns(d)
  network <- fixed(d, X, 0); saturated <- fixed(d, Z, 0)
  tau2 <- moments(d, Z)
  designs <- lapply(unique(d$design), function(name) {
    inside <- d$design == name
    part <- stack(studies[sapply(studies, function(s) paste(sort(s$arms), collapse = ":") == name)])
    q <- if (length(part$y) > ncol(as.matrix(design_columns(part)))) fixed(part, design_columns(part), 0)$QE else 0
    own <- design_columns(part)
    spread <- matrix(0, length(d$y), ncol(own)); spread[inside, ] <- own
    # Detached, the design has effects of its own; nothing is left when the network needs it to hold together.
    rest <- studies[sapply(studies, function(s) paste(sort(s$arms), collapse = ":") != name)]
    whole <- length(rest) > 0 && setequal(reachable(rest, rest[[1]]$arms[1]), treatments)
    detached <- if (whole) fixed(d, cbind(X, spread), 0)$QE - saturated$QE else NA
    list(design = name, q_within = q, df_within = length(part$y) - ncol(own), q_detached = detached)
  })
  random <- fixed(d, X, tau2)$QE - fixed(d, Z, tau2)$QE
  list(total = network$QE, total_df = length(d$y) - ncol(X), within = saturated$QE,
       within_df = length(d$y) - ncol(Z), between_random = random, tau2_within = tau2,
       tau2_within_reml = fitted_tau2(d, Z, "REML"), designs = designs)
}

unrelated <- function(studies) {
  d <- stack(studies)
  pair <- paste(d$treat, d$base)
  X <- sapply(unique(pair), function(p) as.numeric(pair == p))
  tau2 <- fitted_tau2(d, X, "REML")
  fit <- fixed(d, X, tau2)
  list(pairs = unique(pair), estimates = as.vector(fit$b), se = fit$se, tau2 = tau2, q = fixed(d, X, 0)$QE)
}

everything <- function(studies) {
  studies <- unname(studies)
  treatments <- sort(unique(unlist(lapply(studies, `[[`, "arms"))))
  d <- stack(studies); X <- columns(d, treatments)
  tau2 <- list(common = 0, DL = moments(d, X), REML = fitted_tau2(d, X, "REML"), ML = fitted_tau2(d, X, "ML"))
  models <- lapply(tau2, function(t) c(list(tau2 = t), matrices(fixed(d, X, t), treatments), q = fixed(d, X, t)$QE))
  list(treatments = treatments, q = fixed(d, X, 0)$QE, df = length(d$y) - ncol(X), models = models,
       splits = splits(studies, treatments, tau2$DL), decomposition = decomposition(studies, treatments),
       unrelated = unrelated(studies))
}

sets <- list(senn = from_pairs(typed("network_datasets.py", "SENN")),
             parkinson = from_pairs(typed("network_datasets.py", "PARKINSON")),
             smoking = from_counts(typed("arm_counts.py", "SMOKING")),
             dong = from_counts(typed("arm_counts.py", "DONG_2013")))
result <- c(list(made_by = paste("R", getRversion(), "metafor", packageVersion("metafor"))), lapply(sets, everything))
write_json(result, file.path(tests, "network_reference.json"), auto_unbox = TRUE, digits = NA, pretty = TRUE)
