# What printed numbers allow, how far rounding can move estimates, and the difference of two studies, worked out in R.
# Rscript published.R   (jsonlite, lavaan)   writes published.json beside it
suppressMessages({library(jsonlite); library(lavaan)})
set.seed(46)
half <- function(decimals) .5 * 10^-decimals
corners <- function(k) as.matrix(expand.grid(rep(list(c(-1, 1)), k)))
square <- function(lower, p) { r <- diag(p); r[lower.tri(r)] <- lower; r + t(r) - diag(p) }

# 1. Correlation tables: the largest smallest eigenvalue of any table that rounds to the printed one; below 0 none can exist.
tables <- list(sound = c(.5, .4, .3, .6, .2, .5), rounded = c(.95, .9, .35, .99, .05, .2), impossible = c(.9, .9, .1, -.6, .2, .3))
root <- matrix(rnorm(8), 4); tables$rounded <- round(cov2cor(root %*% t(root))[lower.tri(diag(4))], 2)
tables <- lapply(tables, function(l) { smallest <- function(o) min(eigen(square(l + o * half(2), 4), TRUE, TRUE)$values)
  best <- max(apply(corners(6), 1, function(s) optim(.5 * s, smallest, method = "L-BFGS-B", lower = -1, upper = 1, control = list(fnscale = -1))$value), smallest(rep(0, 6)))
  list(lower = l, smallest = smallest(rep(0, 6)), best = best) })

# 2. R2 of y by x -> a, b, c -> y: with uncorrelated residuals through solve(I - B), and the least over all residual correlations.
paths <- list(heliyon = list(to = c(.746, .746, .768), from = c(.430, .590, .326)), possible = list(to = c(.5, .4, .6), from = c(.3, .2, .4)), excessive = list(to = c(.9, .8, .85), from = c(.4, .5, .35)))
paths <- lapply(paths, function(p) { B <- matrix(0, 5, 5); B[2:4, 1] <- p$to; B[5, 2:4] <- p$from; A <- solve(diag(5) - B)
  S <- A %*% diag(c(1, 1 - p$to^2, 0)) %*% t(A)
  least <- function(v) { u <- matrix(v, 3); u <- u / sqrt(rowSums(u^2)); R <- p$to %o% p$to + sqrt((1 - p$to^2) %o% (1 - p$to^2)) * (u %*% t(u)); diag(R) <- 1; c(p$from %*% R %*% p$from) }
  found <- min(replicate(40, optim(rnorm(9), least, method = "BFGS", control = list(reltol = 1e-14, maxit = 1000))$value))
  c(p, list(uncorrelated = S[5, 5], least = found)) })

# 3. Indirect effects: the products that paths rounding to the printed ones can have.
indirect <- lapply(list(c(.144, .248), c(.31, .42, .5), c(-.25, .4)), function(b) { all <- apply(corners(length(b)), 1, function(s) prod(b + s * half(3))); list(paths = b, product = prod(b), low = min(all), high = max(all)) })

# 4. AVE and composite reliability of standardised loadings.
loadings <- lapply(list(c(.75, .85, .845), c(.6, .7, .8, .55), c(.91, .88)), function(l) { cr <- function(l) sum(l)^2 / (sum(l)^2 + sum(1 - l^2)); all <- corners(length(l))
  ave <- apply(all, 1, function(s) mean((l + s * half(3))^2)); crs <- apply(all, 1, function(s) cr(l + s * half(3)))
  list(loadings = l, ave = mean(l^2), cr = cr(l), ave_low = min(ave), ave_high = max(ave), cr_low = min(crs), cr_high = max(crs)) })

# 5. Every way ten people can answer a question of five categories: its mean and its standard deviation.
counts <- as.matrix(expand.grid(rep(list(0:10), 5))); counts <- counts[rowSums(counts) == 10, ]
answers <- t(apply(counts, 1, function(k) { v <- rep(1:5, k); c(mean(v), sd(v)) }))
spread <- tapply(answers[, 2], round(answers[, 1], 1), max)

# 6. m ~ x + w and y ~ x + w + m from correlations known to two decimals: every corner of the rounding, then a search within.
table <- c(.42, .51, .38, .33, .47, .58)   # below the diagonal, by columns: wx, mx, yx, mw, yw, ym
estimates <- function(l) { r <- square(l, 4); m <- solve(r[1:2, 1:2], r[1:2, 3]); y <- solve(r[1:3, 1:3], r[1:3, 4])
  c("beta m x" = m[1], "beta m w" = m[2], "r_squared m " = sum(m * r[1:2, 3]), "beta y x" = y[1], "beta y w" = y[2], "beta y m" = y[3], "r_squared y " = sum(y * r[1:3, 4]),
    "indirect y x -> m -> y" = m[1] * y[3], "indirect y w -> m -> y" = m[2] * y[3]) }
edges <- corners(6); tried <- apply(edges, 1, function(s) estimates(table + s * half(2)))
reach <- function(k, sign) { start <- edges[which.max(sign * tried[k, ]), ]
  found <- optim(.9 * start, function(o) sign * estimates(table + o * half(2))[k], method = "L-BFGS-B", lower = -1, upper = 1, control = list(fnscale = -1, factr = 10))
  max(sign * tried[k, ], found$value) * sign }
rounding <- lapply(seq_len(nrow(tried)), function(k) list(estimate = unname(estimates(table)[k]), low = reach(k, -1), high = reach(k, 1)))
names(rounding) <- rownames(tried)

# 7. Two studies: difference of standardised slopes of y ~ a + b, both groups in one lavaan model, delta method on its parameters.
one <- square(c(.45, .52, .38), 3); two <- square(c(.30, .41, .55), 3)
named <- function(r) { dimnames(r) <- rep(list(c("a", "b", "y")), 2); r }
model <- "y ~ c(p1, q1)*a + c(p2, q2)*b
  a ~~ c(pa, qa)*a + c(pab, qab)*b
  b ~~ c(pb, qb)*b
  y ~~ c(pe, qe)*y
  pv := p1^2*pa + p2^2*pb + 2*p1*p2*pab + pe
  qv := q1^2*qa + q2^2*qb + 2*q1*q2*qab + qe
  d1 := p1*sqrt(pa)/sqrt(pv) - q1*sqrt(qa)/sqrt(qv)
  d2 := p2*sqrt(pb)/sqrt(pv) - q2*sqrt(qb)/sqrt(qv)"
fit <- sem(model, sample.cov = list(named(one), named(two)), sample.nobs = c(210, 150), fixed.x = FALSE)
d <- parameterEstimates(fit); d <- d[d$label %in% c("d1", "d2"), ]
difference <- list(ours = one[lower.tri(one)], theirs = two[lower.tri(two)], n = c(210, 150), estimate = d$est, std_error = d$se, p_value = d$pvalue, conf_low = d$ci.lower, conf_high = d$ci.upper)
write_json(list(r = R.version.string, lavaan = as.character(packageVersion("lavaan")), tables = tables, paths = paths, indirect = indirect, loadings = loadings,
  spread = list(mean = as.numeric(names(spread)), sd = as.vector(spread)), table = table, rounding = rounding, difference = difference), "published.json", digits = 12, auto_unbox = TRUE)
str(tables); str(paths); print(tried[, 1:2]); print(unlist(rounding)); print(d)
