# Reliability, validity, factors and method bias in R, on simulated answers: Rscript measurement.R (in this folder).
# R 4.2.2, psych 2.2.9, lavaan 0.6-14, semTools 0.5-6. Searches are run to tight ends, so that the numbers are the
# estimators' and not the stopping rules'.
suppressMessages({library(jsonlite); library(psych); library(lavaan); library(semTools)})
set.seed(20240)
n <- 320
scales <- list(psi = paste0("psi", 1:5), trust = paste0("trust", 1:4), buy = paste0("buy", 1:3))
items <- unlist(scales, use.names = FALSE)
phi <- matrix(c(1, .55, .40, .55, 1, .45, .40, .45, 1), 3)
eta <- matrix(rnorm(n * 3), n) %*% chol(phi)
load <- list(psi = c(.8, .7, .75, .55, .65), trust = c(.85, .7, .8, .6), buy = c(.75, .8, .6))
style <- rnorm(n)
x <- do.call(cbind, lapply(1:3, function(k) sapply(load[[k]], function(l) l * eta[, k] + .25 * style + sqrt(1 - l^2) * rnorm(n))))
d <- as.data.frame(cbind(x, .3 * style + rnorm(n)))
names(d) <- c(items, "colour")
centre <- seq(3.4, 4.8, length.out = ncol(d)); spread <- seq(1.1, 1.6, length.out = ncol(d))
for (j in seq_along(d)) d[[j]] <- as.integer(pmin(pmax(round(centre[j] + spread[j] * d[[j]]), 1), 7))
X <- d[, items]; R <- cor(X); p <- ncol(X)
# a second run from the first solution sharpens the last digits
fitted_cfa <- function(m, ...) { first <- cfa(m, d, ...); again <- suppressWarnings(cfa(m, d, ..., start = first)); if (lavInspect(again, "converged")) again else first }

reliability <- lapply(scales, function(i) {
  a <- suppressWarnings(psych::alpha(d[, i], check.keys = FALSE)); k <- length(i); al <- a$total$raw_alpha
  fit <- fitted_cfa(paste("f =~", paste(i, collapse = " + ")), std.lv = TRUE)
  labels <- paste0("l", 1:k); errors <- paste0("e", 1:k)
  text <- paste0("f =~ ", paste0(labels, "*", i, collapse = " + "), "\n", paste0(i, " ~~ ", errors, "*", i, collapse = "\n"),
                 "\nomega := (", paste(labels, collapse = "+"), ")^2/((", paste(labels, collapse = "+"), ")^2+", paste(errors, collapse = "+"), ")")
  om <- subset(parameterEstimates(fitted_cfa(text, std.lv = TRUE)), op == ":=")
  list(alpha = al, std_alpha = a$total$std.alpha,
       low = 1 - (1 - al) * qf(.975, n - 1, (n - 1) * (k - 1)), high = 1 - (1 - al) * qf(.025, n - 1, (n - 1) * (k - 1)),
       omega = om$est, omega_low = om$ci.lower, omega_high = om$ci.upper, omega_observed = unname(compRelSEM(fit)),
       items = data.frame(item = i, mean = a$item.stats$mean, sd = a$item.stats$sd, item_rest = a$item.stats$r.drop, alpha_if_dropped = a$alpha.drop$raw_alpha))
})
two <- cor(d$buy1, d$buy2)

model <- paste(sapply(names(scales), function(s) paste(s, "=~", paste(scales[[s]], collapse = " + "))), collapse = "\n")
fit <- fitted_cfa(model)
std <- subset(standardizedSolution(fit), op == "=~")
by_scale <- split(std$est.std, factor(std$lhs, names(scales)))
validity <- list(ave = sapply(by_scale, function(l) mean(l^2)), cr = sapply(by_scale, function(l) sum(l)^2 / (sum(l)^2 + sum(1 - l^2))),
  ave_unstandardised = c(suppressWarnings(suppressMessages(AVE(fit)))), cr_unstandardised = c(suppressMessages(compRelSEM(fit))),
  correlations = unclass(lavInspect(fit, "cor.lv")), chi_square = unname(fitMeasures(fit, "chisq")))
ratio <- function(R, geometric) { R <- abs(R); average <- if (geometric) function(v) exp(mean(log(v))) else mean
  within <- sapply(scales, function(i) { block <- R[i, i]; average(block[lower.tri(block)]) })
  apply(combn(names(scales), 2), 2, function(q) average(R[scales[[q[1]]], scales[[q[2]]]]) / sqrt(within[q[1]] * within[q[2]])) }
draws <- replicate(20000, { r <- cor(X[sample(n, n, TRUE), ]); c(ratio(r, FALSE), ratio(r, TRUE)) })
batches <- array(draws, c(6, 1000, 20))
limits <- apply(draws, 1, quantile, c(.025, .975))
noise <- apply(apply(batches, c(1, 3), quantile, c(.025, .975)), 1:2, sd) / sqrt(20)
ratios <- list(htmt = unclass(htmt(model, d, htmt2 = FALSE)), htmt2 = unclass(htmt(model, d)), low = limits[1, ], high = limits[2, ], low_error = noise[1, ], high_error = noise[2, ], draws = 20000)

# Factors: ml by factanal with its bound at .005 and a tight end, minres by its own least-squares criterion.
ml <- factanal(X, 3, rotation = "none", lower = .005, control = list(opt = list(factr = 1e2, maxit = 5000)))
ols <- function(psi) { e <- eigen(R - diag(psi), symmetric = TRUE)$values; sum(e[-(1:3)]^2) / 2 }
ols_slope <- function(psi) { e <- eigen(R - diag(psi), symmetric = TRUE); -as.vector(e$vectors[, -(1:3)]^2 %*% e$values[-(1:3)]) }
best <- optim(ml$uniquenesses, ols, ols_slope, method = "L-BFGS-B", lower = .005, upper = 1, control = list(factr = 1, pgtol = 1e-12, maxit = 5000))
E <- eigen(R - diag(best$par), symmetric = TRUE); minres <- E$vectors[, 1:3] %*% diag(sqrt(E$values[1:3]))
kaiser_promax <- function(L) { h <- sqrt(rowSums(L^2)); V <- unclass(varimax(L, eps = 1e-15)$loadings) / h
  U <- lm.fit(V, V * abs(V)^3)$coefficients; U <- U %*% diag(sqrt(diag(solve(t(U) %*% U)))); i <- solve(U)
  list(loadings = unclass(V %*% U) * h, phi = i %*% t(i)) }
solution <- function(L) list(none = unname(unclass(L)), varimax = unname(unclass(varimax(unclass(L), eps = 1e-15)$loadings)), promax = lapply(kaiser_promax(unclass(L)), unname))
psy <- suppressWarnings(fa(X, 3, fm = "minres", rotate = "none"))
k <- KMO(R); b <- cortest.bartlett(R, n)
set.seed(7); pa <- suppressMessages(fa.parallel(X, fa = "both", n.iter = 1000, plot = FALSE, quant = .95))
set.seed(8); normal <- replicate(5000, eigen(cor(matrix(rnorm(n * p), n)), symmetric = TRUE, only.values = TRUE)$values)
map <- suppressWarnings(VSS(X, n = 8, plot = FALSE)$map)
factors <- list(ml = c(solution(ml$loadings), list(uniquenesses = unname(ml$uniquenesses), chi_square = unname(ml$STATISTIC), df = unname(ml$dof), p_value = unname(ml$PVAL))),
  minres = c(solution(minres), list(uniquenesses = best$par, chi_square = psy$STATISTIC, tli = psy$TLI, rmsr = psy$rms)),
  kmo = k$MSA, kmo_items = unname(k$MSAi), bartlett = list(chi_square = b$chisq, df = b$df, p_value = b$p.value), eigenvalues = eigen(R)$values,
  parallel = list(factors = pa$nfact, components = pa$ncomp, factor_values = pa$fa.values, factor_random = pa$fa.sim, component_mean = rowMeans(normal), component_limit = apply(normal, 1, quantile, .95)), map = map)

# Method bias: scale means, the item about colours as marker.
S <- data.frame(sapply(scales, function(i) rowMeans(d[, i])), colour = d$colour)
vif <- sapply(names(scales), function(s) 1 / (1 - summary(lm(reformulate(setdiff(names(scales), s), s), S))$r.squared))
one <- optim(best$par, function(q) { e <- eigen(R - diag(q), symmetric = TRUE)$values; sum(e[-1]^2) / 2 }, function(q) { e <- eigen(R - diag(q), symmetric = TRUE); -as.vector(e$vectors[, -1]^2 %*% e$values[-1]) },
             method = "L-BFGS-B", lower = .005, upper = 1, control = list(factr = 1, pgtol = 1e-12, maxit = 5000))
rs <- cor(S); rm <- min(rs["colour", names(scales)][rs["colour", names(scales)] > 0]); pairs <- combn(names(scales), 2)
adjusted <- apply(pairs, 2, function(q) (rs[q[1], q[2]] - rm) / (1 - rm)); t <- adjusted * sqrt((n - 3) / (1 - adjusted^2))
AR <- (rs[1:3, 1:3] - rm) / (1 - rm); AC <- AR * outer(sapply(S[1:3], sd), sapply(S[1:3], sd))
slopes <- solve(AC[1:2, 1:2], AC[1:2, 3])
bias <- list(vif = vif, component_share = eigen(R)$values[1] / p, factor_share = eigen(R - diag(one$par), symmetric = TRUE)$values[1] / p,
  marker = list(taken = rm, adjusted = adjusted, statistic = t, p_value = 2 * pt(-abs(t), n - 3), raw_p = apply(pairs, 2, function(q) cor.test(S[[q[1]]], S[[q[2]]])$p.value), slopes = slopes))

versions <- lapply(c(psych = "psych", lavaan = "lavaan", semTools = "semTools"), function(q) as.character(packageVersion(q)))
writeLines(toJSON(list(`_meta` = c(list(R = R.version.string, script = "measurement.R"), versions), n = n, scales = scales, data = as.list(d), reliability = reliability,
  spearman_brown = 2 * two / (1 + two), validity = validity, htmt = ratios, factors = factors, bias = bias), auto_unbox = TRUE, digits = NA, matrix = "rowmajor"), "measurement.json")
