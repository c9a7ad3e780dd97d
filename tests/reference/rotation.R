# Oblimin (direct quartimin, gamma 0) as its definition says: of all oblique turns of the unrotated loadings the one whose
# squared loadings share least. Loadings are those of measurement.json. Rscript rotation.R   writes rotation.json beside it
suppressMessages(library(jsonlite))
given <- fromJSON("measurement.json")$factors
turned <- function(L) {
  k <- ncol(L); unit <- function(v) { M <- matrix(v, k); sweep(M, 2, sqrt(colSums(M^2)), "/") }
  pattern <- function(v) L %*% t(solve(unit(v)))
  shared <- function(v) { S <- pattern(v)^2; sum(crossprod(S) * (1 - diag(k))) / 4 }
  set.seed(3); tries <- lapply(1:12, function(i) { v <- if (i == 1) c(diag(k)) else rnorm(k * k)
    for (again in 1:4) v <- c(unit(optim(v, shared, method = "BFGS", control = list(reltol = 1e-16, maxit = 2000, ndeps = rep(1e-6, k * k)))$par)); list(v = v, least = shared(v)) })
  best <- tries[[which.min(sapply(tries, function(t) t$least))]]
  list(loadings = pattern(best$v), phi = crossprod(unit(best$v)), criterion = best$least) }
out <- list(meta = list(R = R.version.string, loadings = "measurement.json"), ml = turned(given$ml$none), minres = turned(given$minres$none))
write_json(out, "rotation.json", digits = 12, auto_unbox = TRUE, matrix = "rowmajor")
