# Reference values for tests/synthesis/test_measures.py. Run from the checkout's root:
#   Rscript validation/metafor/measures.R
suppressMessages(library(metafor))
source("validation/metafor/json.R")
cases <- list()
add <- function(name, call, es) cases[[name]] <<- list(call = call, yi = c(es$yi), vi = c(es$vi))
J <- function(m) exp(lgamma(m / 2) - log(sqrt(m / 2)) - lgamma((m - 1) / 2))

# Two-by-two tables, some with zero cells: Niel-Weise (2007) and the BCG trials.
cath <- dat.nielweise2007
for (m in c("OR", "RR", "RD", "AS", "PETO"))
  add(paste("CATHETERS", m), sprintf("escalc('%s', ai=ai, n1i=n1i, ci=ci, n2i=n2i, data=dat.nielweise2007)", m),
      suppressWarnings(escalc(m, ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = cath)))
for (to in c("all", "if0all", "none"))
  add(paste("CATHETERS OR", to), sprintf("escalc('OR', ..., add=0.25, to='%s')", to),
      suppressWarnings(escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = cath, add = 0.25, to = to)))
add("CATHETERS OR drop00", "escalc('OR', ..., drop00=TRUE)",
    suppressWarnings(escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = cath, drop00 = TRUE)))
for (v in c("UB", "AV")) add(paste("BCG RD", v), sprintf("escalc('RD', ..., data=dat.bcg, vtype='%s')", v),
    escalc("RD", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg, vtype = v))

# Person-time: Niel-Weise (2008); one study's events set to 0 to exercise the zero-cell rule.
days <- dat.nielweise2008; days$x1i[2] <- 0
for (m in c("IRR", "IRD", "IRSD")) add(paste("CATHETER_DAYS", m), sprintf("escalc('%s', x1i, t1i, x2i, t2i), x1i[2] set to 0", m),
    escalc(m, x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i, data = days))
for (m in c("IR", "IRLN", "IRS", "IRFT")) add(paste("CATHETER_DAYS", m), sprintf("escalc('%s', xi=x1i, ti=t1i), x1i[2] set to 0", m),
    escalc(m, xi = x1i, ti = t1i, data = days))

# Means: Normand (1999), Curtis & Wang (1998). From version 4.6 metafor's SMDH and SMD1H have other variances than in 3.8
# (no factor J^2 in SMDH; n-1 in SMD1H, Bonett 2008 eq. 12); those are computed here from 3.8's parts.
stroke <- dat.normand1999
args <- "m1i, sd1i, n1i, m2i, sd2i, n2i, data=dat.normand1999"
two <- function(m, ...) escalc(m, m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = stroke, ...)
for (m in c("MD", "SMD", "SMD1", "ROM", "CVR", "VR")) add(paste("STROKE_STAY", m), sprintf("escalc('%s', %s)", m, args), two(m))
for (v in c("LS2", "UB", "AV")) add(paste("STROKE_STAY SMD", v), sprintf("escalc('SMD', %s, vtype='%s')", args, v), two("SMD", vtype = v))
add("STROKE_STAY MD HO", "escalc('MD', ..., vtype='HO')", two("MD", vtype = "HO"))
for (v in c("HO", "AV")) add(paste("STROKE_STAY ROM", v), sprintf("escalc('ROM', ..., vtype='%s')", v), two("ROM", vtype = v))
h <- two("SMDH"); h$vi <- h$vi / J(stroke$n1i + stroke$n2i - 2)^2
add("STROKE_STAY SMDH", "escalc('SMDH', ...) with vi/J^2, as version 4.6", h)
d <- two("SMD1H"); y <- c(d$yi)
d$vi <- with(stroke, (sd1i^2 / sd2i^2) / (n1i - 1) + 1 / (n2i - 1) + y^2 / (2 * (n2i - 1)))
add("STROKE_STAY SMD1H", "escalc('SMD1H', ...) with Bonett's variance, as version 4.6", d)
trees <- dat.curtis1998[1:24, ]
add("ELEVATED_CO2 ROM", "escalc('ROM', m1i, sd1i, n1i, m2i, sd2i, n2i, data=dat.curtis1998[1:24,])",
    escalc("ROM", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i, data = trees))
for (m in c("MN", "SMN", "MNLN", "CVLN", "SDLN")) add(paste("STROKE_STAY", m), sprintf("escalc('%s', mi=m1i, sdi=sd1i, ni=n1i)", m),
    escalc(m, mi = m1i, sdi = sd1i, ni = n1i, data = stroke))

# Proportions: Pritz (1997), one with everybody improved.
for (m in c("PR", "PLN", "PLO", "PAS", "PFT")) add(paste("VASOSPASM", m), sprintf("escalc('%s', xi=xi, ni=ni, data=dat.pritz1997)", m),
    escalc(m, xi = xi, ni = ni, data = dat.pritz1997))

# Correlations: Molloy (2014). UCOR needs the package gsl, which isn't installed; see the test for its definition.
for (m in c("COR", "ZCOR")) add(paste("CONSCIENTIOUSNESS", m), sprintf("escalc('%s', ri=ri, ni=ni, data=dat.molloy2014)", m),
    escalc(m, ri = ri, ni = ni, data = dat.molloy2014))
add("CONSCIENTIOUSNESS COR AV", "escalc('COR', ..., vtype='AV')", escalc("COR", ri = ri, ni = ni, data = dat.molloy2014, vtype = "AV"))

# The same people twice: the stroke trials' numbers with a correlation of 0.6, as if both groups were one.
pair <- function(m, ...) escalc(m, m1i = m1i, sd1i = sd1i, m2i = m2i, sd2i = sd2i, ni = n1i, ri = rep(0.6, 9), data = stroke, ...)
for (m in c("MC", "SMCC", "SMCR", "ROMC", "CVRC", "VRC")) add(paste("PAIRED", m), sprintf("escalc('%s', m1i, sd1i, m2i, sd2i, ni=n1i, ri=0.6)", m), pair(m))
for (m in c("SMCC", "SMCR")) add(paste("PAIRED", m, "LS2"), sprintf("escalc('%s', ..., vtype='LS2')", m), pair(m, vtype = "LS2"))
h <- pair("SMCRH"); h$vi <- h$vi / J(stroke$n1i - 1)^2
# 3.8 puts the corrected value into the second term already; only the factor J^2 went in 4.6.
add("PAIRED SMCRH", "escalc('SMCRH', ...) with vi/J^2, as version 4.6", h)
marginal <- data.frame(ai = c(12, 20, 7), bi = c(8, 15, 9), n = c(40, 55, 30), r = c(0.3, 0.5, 0.1))
add("CROSSOVER MPORM", "escalc('MPORM', ai=c(12,20,7), bi=c(8,15,9), ci=n-ai, di=n-bi, ri=c(.3,.5,.1)), n=c(40,55,30)",
    escalc("MPORM", ai = ai, bi = bi, ci = n - ai, di = n - bi, ri = r, data = marginal))

# Ways back.
cases[["back"]] <- list(call = "transf.ipft.hm(c(.3,.7,1.2), targs=list(ni=c(10,20,50))); transf.iirft(c(.5,.1), ti=4); transf.ilogit, transf.iarcsin",
  ipft = sapply(c(.3, .7, 1.2), transf.ipft.hm, targs = list(ni = c(10, 20, 50))), iirft = transf.iirft(c(.5, .1), ti = 4),
  ilogit = transf.ilogit(c(-1, 2)), iarcsin = transf.iarcsin(c(.4, 1.1)))
write_reference(cases, "tests/data/measures.json")
