# Reference values for tests/synthesis/test_pooling.py. Run from the checkout's root:
#   Rscript validation/metafor/pooling.R
# metafor's iterations are run to the last digit; by default they stop at a change of 1e-5.
suppressMessages(library(metafor))
source("validation/metafor/json.R")
tight <- function(d) list(threshold = 1e-13 * var(d$yi), maxiter = 100000, tol = 1e-15 * var(d$yi), tau2.max = 1000 * var(d$yi))
first <- function(d, n) d[seq_len(n), ]
table2 <- function(m, d) suppressWarnings(escalc(m, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d))
gibson <- subset(dat.gibson2002, !is.na(m1i))
axfors <- data.frame(ai = dat.axfors2021$hcq_arm_event, n1i = dat.axfors2021$hcq_arm_total, ci = dat.axfors2021$control_arm_event, n2i = dat.axfors2021$control_arm_total)
plain <- function(d) data.frame(yi = c(d$yi), vi = c(d$vi))
studies <- list(
  "BCG RR" = escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg),
  "BCG OR" = escalc("OR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg),
  "BCG RD" = escalc("RD", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg),
  "BCG AS" = escalc("AS", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg),
  "STROKE_STAY MD" = escalc("MD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = dat.normand1999),
  "STROKE_STAY SMD" = escalc("SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = dat.normand1999),
  "STROKE_STAY ROM" = escalc("ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = dat.normand1999),
  "TEACHER_EXPECTANCY" = plain(dat.raudenbush1985),
  "PASSIVE_SMOKING OR" = data.frame(yi = log(dat.hackshaw1998$or), vi = ((log(dat.hackshaw1998$or.ub) - log(dat.hackshaw1998$or.lb)) / (2 * qnorm(.975)))^2),
  "MAGNESIUM_MI OR" = table2("OR", dat.li2007),
  "MAGNESIUM_EGGER RR" = table2("RR", dat.egger2001),
  "SCHOOL_CALENDAR" = plain(dat.konstantopoulos2011),
  "BETA_BLOCKERS OR" = table2("OR", subset(dat.yusuf1985, table == "6" & !is.na(ai))),
  "CATHETERS OR" = table2("OR", dat.nielweise2007),
  "CATHETER_DAYS IRR" = escalc("IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = dat.nielweise2008),
  "VASOSPASM PLO" = escalc("PLO", xi = xi, ni = ni, data = dat.pritz1997),
  "VASOSPASM PFT" = escalc("PFT", xi = xi, ni = ni, data = dat.pritz1997),
  "ADHERENCE PAS" = escalc("PAS", xi = xi, ni = ni, data = dat.debruin2009),
  "ELEVATED_CO2 ROM" = escalc("ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = first(dat.curtis1998, 24)),
  "ASTHMA_SELF_MANAGEMENT SMD" = escalc("SMD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = gibson),
  "CONSCIENTIOUSNESS ZCOR" = escalc("ZCOR", ri = ri, ni = ni, data = dat.molloy2014),
  "STUDENT_RATINGS COR" = escalc("COR", ri = ri, ni = ni, data = dat.cohen1981),
  "ACUPOINT RR" = table2("RR", dat.lee2004),
  "WARFARIN IRR" = escalc("IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = dat.hart1999),
  "PLACEBO_IBS RD" = escalc("RD", ai = x.a, n1i = n.a, ci = x.p, n2i = n.p, data = dat.dorn2007),
  "DIURETICS OR" = escalc("OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci, data = dat.collins1985b),
  "WRITING_TO_LEARN" = plain(dat.bangertdrowns2004),
  "ST_JOHNS_WORT RR" = table2("RR", dat.linde2005),
  "LIDOCAINE RD" = table2("RD", dat.hine1989),
  "DOSE_RESPONSE RR" = escalc("RR", ai = xTi, n1i = nTi, ci = xCi, n2i = nCi, data = dat.viechtbauer2021),
  "AZITHROMYCIN OR" = table2("OR", dat.laopaiboon2015),
  "PRACTICE_FACILITATION" = data.frame(yi = dat.baskerville2012$smd, vi = dat.baskerville2012$se^2),
  "ANTIBIOTICS_ICU OR" = escalc("OR", ai = xt, n1i = nt, ci = xc, n2i = nc, data = dat.damico2009),
  "STREPTOKINASE OR" = table2("OR", dat.lau1992),
  "HYDROXYCHLOROQUINE OR" = table2("OR", axfors),
  "ORAL_REHYDRATION OR" = table2("OR", dat.hahn2001),
  "HEAD_NECK_CHEMOTHERAPY HR" = with(subset(dat.pignon2000, grp == 1), data.frame(yi = OmE / V, vi = 1 / V)))
methods <- c("EE", "DL", "HE", "HS", "HSk", "SJ", "ML", "REML", "EB", "PM", "PMM")
cases <- list()
for (name in names(studies)) {
  d <- subset(studies[[name]], !is.na(yi) & !is.na(vi))
  fit <- function(method, test = "z", ...) suppressWarnings(rma(d$yi, d$vi, method = method, test = test, control = tight(d), ...))
  case <- list(call = "rma(yi, vi, method=, test=, control=list(threshold=1e-13*var(yi), maxiter=1e5, tol=1e-15*var(yi), tau2.max=1000*var(yi))); confint(); predict()",
    k = nrow(d), yi = d$yi, vi = d$vi, q = fit("EE")$QE, q_p = fit("EE")$QEp)
  for (m in methods) {
    r <- fit(m)
    case[[m]] <- c(estimate = c(r$beta), se = r$se, tau2 = r$tau2, tau2_se = r$se.tau2, i2 = r$I2, h2 = r$H2,
      p_value = r$pval, log_likelihood = as.numeric(logLik(r)), aic = AIC(r), bic = BIC(r))
  }
  for (test in c("t", "knha", "adhoc")) for (m in c("DL", "REML")) {
    r <- fit(m, test); p <- predict(r)
    case[[paste(m, test)]] <- c(r$se, r$zval, r$pval, r$ci.lb, r$ci.ub, p$pi.lb, p$pi.ub)
  }
  reml <- fit("REML"); p <- predict(reml)
  case$weights <- weights(reml)
  case$prediction <- c(p$pi.lb, p$pi.ub)
  profile <- list(tol = 1e-14, tau2.min = 0, tau2.max = max(100 * reml$tau2, 10 * var(d$yi), 100 * max(d$vi)), maxiter = 100000)
  case$qp <- suppressWarnings(confint(reml, type = "QP", control = profile)$random[1, 2:3])
  for (m in c("ML", "REML")) case[[paste("pl", m)]] <- tryCatch(suppressWarnings(confint(fit(m), type = "PL", control = profile)$random[1, 2:3]), error = function(e) c(NA, NA))
  w <- rep(1, nrow(d)) + seq_len(nrow(d)) / nrow(d)
  r <- fit("GENQ", weights = w)
  case$genq <- c(r$beta, r$se, r$tau2, r$se.tau2)
  cases[[name]] <- case
}
write_reference(cases, "tests/data/pooling.json")
