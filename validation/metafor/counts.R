# Reference values for tests/synthesis/test_counts.py. Run from the checkout's root:
#   Rscript validation/metafor/counts.R        (needs lme4 and BiasedUrn for the mixed models)
suppressMessages(library(metafor))
source("validation/metafor/json.R")
cases <- list()
mh <- function(name, call, r) cases[[name]] <<- list(call = call, estimate = c(r$beta), se = r$se, p_value = r$pval, q = r$QE, q_p = r$QEp,
  i2 = r$I2, h2 = r$H2, co = c(r$MH, r$MHp), bd = c(r$BD, r$BDp), ta = c(r$TA, r$TAp), weights = c(weights(r)))
tables <- list(CATHETERS = dat.nielweise2007, MAGNESIUM_MI = dat.li2007, MAGNESIUM_EGGER = dat.egger2001, ACUPOINT = dat.lee2004,
  ST_JOHNS_WORT = dat.linde2005, LIDOCAINE = dat.hine1989, AZITHROMYCIN = dat.laopaiboon2015, STREPTOKINASE = dat.lau1992,
  ORAL_REHYDRATION = dat.hahn2001,
  BCG = with(dat.bcg, data.frame(ai = tpos, n1i = tpos + tneg, ci = cpos, n2i = cpos + cneg)),
  DIURETICS = with(dat.collins1985b, data.frame(ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci)))
for (name in names(tables)) {
  d <- tables[[name]]
  for (m in c("OR", "RR", "RD"))
    mh(paste("MH", name, m), sprintf("rma.mh(ai=ai, n1i=n1i, ci=ci, n2i=n2i, measure='%s')", m),
       suppressWarnings(rma.mh(ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d, measure = m)))
  r <- suppressWarnings(rma.peto(ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d))
  cases[[paste("PETO", name)]] <- list(call = "rma.peto(ai=ai, n1i=n1i, ci=ci, n2i=n2i)", estimate = c(r$beta), se = r$se, q = r$QE, q_p = r$QEp, i2 = r$I2, weights = c(weights(r)))
}
for (name in c("CATHETER_DAYS", "WARFARIN")) for (m in c("IRR", "IRD")) {
  d <- if (name == "WARFARIN") dat.hart1999 else dat.nielweise2008
  mh(paste("MH", name, m), sprintf("rma.mh(x1i, t1i, x2i, t2i, measure='%s')", m),
     rma.mh(x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = d, measure = m))
}

# Mixed models. lme4's optimum is good to three or four digits only; the tests hold ours to brute-force integration and these
# values to 1e-3. CM.EL uses R's integrate() and agrees to 1e-5.
glmm <- function(name, call, r) cases[[name]] <<- list(call = call, estimate = c(r$beta), se = r$se, tau2 = r$tau2, sigma2 = r$sigma2,
  lrt = r$QE.LRT, lrt_p = r$QEp.LRT)
for (name in c("CATHETERS", "LIDOCAINE", "DIURETICS")) for (m in c("UM.FS", "UM.RS", "CM.AL", "CM.EL"))
  glmm(paste("GLMM", name, m), sprintf("rma.glmm(measure='OR', ai, n1i, ci, n2i, model='%s', nAGQ=41)", m),
       suppressWarnings(rma.glmm(measure = "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = tables[[name]], model = m, nAGQ = 41)))
days <- within(dat.nielweise2008, {t1i <- t1i / 1000; t2i <- t2i / 1000})
for (m in c("UM.FS", "UM.RS", "CM.EL"))
  glmm(paste("GLMM CATHETER_DAYS", m), sprintf("rma.glmm(measure='IRR', x1i, t1i/1000, x2i, t2i/1000, model='%s', nAGQ=41)", m),
       suppressWarnings(rma.glmm(measure = "IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = days, model = m, nAGQ = 41)))
glmm("GLMM VASOSPASM PLO", "rma.glmm(measure='PLO', xi, ni, data=dat.pritz1997, nAGQ=41)",
     rma.glmm(measure = "PLO", xi = xi, ni = ni, data = dat.pritz1997, nAGQ = 41))
glmm("GLMM CATHETER_DAYS IRLN", "rma.glmm(measure='IRLN', x2i, t2i/1000, nAGQ=41)",
     rma.glmm(measure = "IRLN", xi = x2i, ti = t2i, data = days, nAGQ = 41))
write_reference(cases, "tests/data/counts.json")
