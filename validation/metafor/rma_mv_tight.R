# By default rma.mv stops when its likelihood is flat to 1e-8; `fit` goes on from there with BFGS at the smallest
# tolerance, so that the values have the digits that the tests ask for.
fit <- function(...) {
  args <- list(...)
  r <- do.call(rma.mv, args)
  n <- r$sigma2s + r$tau2s + r$rhos + r$gamma2s + r$phis
  for (i in 1:2) {
    more <- list(optimizer = "BFGS", reltol = 1e-16, maxit = 2000, ndeps = rep(1e-4, n))
    if (r$withS) more$sigma2.init <- pmax(r$sigma2, 1e-10)
    if (r$withG) {more$tau2.init <- pmax(r$tau2, 1e-10); if (length(r$rho) && !all(r$vc.fix$rho)) more$rho.init <- r$rho}
    # At the edge of the range the search can't be resumed; the first answer stands.
    r <- tryCatch(suppressWarnings(do.call(rma.mv, c(args, list(control = more)))), error = function(e) r)
  }
  r
}
