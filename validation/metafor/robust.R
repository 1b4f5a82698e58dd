# Reference values for tests/synthesis/test_robust.py, from clubSandwich and metafor:
#   Rscript validation/metafor/robust.R
suppressMessages({library(metafor); library(clubSandwich)})
source("validation/metafor/json.R")
source("validation/metafor/rma_mv_tight.R")
cases <- list()
tight <- list(threshold = 1e-13, maxiter = 100000)

take <- function(call, model, cluster, types = c("CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3"), constraints = NULL)
  for (type in types) {
    V <- vcovCR(model, cluster = cluster, type = type)
    t <- coef_test(model, vcov = V, test = "Satterthwaite")
    case <- list(call = paste("clubSandwich", packageVersion("clubSandwich"), "coef_test, Wald_test HTZ:", call, type),
      coefficients = t$beta, se = t$SE, df = if (is.null(t$df_Satt)) t$df else t$df_Satt, p_value = t$p_Satt, covariance = c(as.matrix(V)))
    if (!is.null(constraints)) {
      w <- Wald_test(model, constraints = constrain_zero(constraints), vcov = V, test = "HTZ")
      case <- c(case, list(f = w$Fstat, df2 = w$df_denom, f_p = w$p_val))
    }
    cases[[paste(call, type)]] <<- case
  }

bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
uni <- rma(yi, vi, mods = ~ ablat + alloc, data = bcg, control = tight)
take("bcg rows", uni, 1:13, constraints = 3:4)
team <- c(1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 10, 10, 10)
lat <- rma(yi, vi, mods = ~ ablat, data = bcg, control = tight)
take("bcg authors", lat, team, constraints = 1:2)

schools <- dat.konstantopoulos2011; schools$decade <- (schools$year - 1990) / 10
mv <- fit(yi = schools$yi, V = schools$vi, mods = ~ decade, random = ~ 1 | district/school, data = schools)
take("schools", mv, schools$district, constraints = 1:2)

perio <- dat.berkey1998
V <- vcalc(vi = 1, cluster = author, rvars = c(v1i, v2i), data = perio)
cs <- fit(yi = perio$yi, V = V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = "CS", data = perio)
take("periodontal", cs, perio$trial, constraints = 1:2)

r <- robust(uni, cluster = 1:13)
cases[["metafor robust"]] <- list(call = "robust(rma(yi, vi, mods = ~ ablat + alloc, data = bcg), cluster = 1:13)",
  se = r$se, p_value = r$pval, ci_low = r$ci.lb, dfs = r$dfs, qm = r$QM, qm_p = r$QMp)
mean_only <- robust(rma(yi, vi, data = bcg, control = tight), cluster = team)
cases[["metafor robust mean"]] <- list(call = "robust(rma(yi, vi, data = bcg), cluster = team)", se = mean_only$se, p_value = mean_only$pval)

write_reference(cases, "tests/data/robust.json")
