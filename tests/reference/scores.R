# Reference numbers for what stands on scores: scoring, moments, contrasts, families, regressions and their residuals,
# importance, moderation, subgroups, groups. Base R, sandwich (HC3), lavaan (standardised slopes), boot; data simulated here.
# Rscript scores.R   writes scores.json beside it
suppressMessages({library(jsonlite); library(sandwich); library(lavaan); library(boot)})
RNGkind("Mersenne-Twister", "Inversion", "Rejection"); set.seed(11)
n <- 150
image <- sample(c("own", "person", "product"), n, TRUE, c(.4, .35, .25)); wave <- as.integer(runif(n) < .38)
x <- rnorm(n, 3, 1.1); w <- rnorm(n, 2, .9); z <- .4 * x + rnorm(n, 30, 6)
m <- 1 - .35 * x + .1 * w + .3 * x * w + .3 * wave * x + rnorm(n, 0, .5 + .3 * abs(x - 3))
y <- 2 + .5 * m + .15 * x - .2 * w + .03 * z + .7 * (image == "person") + rnorm(n, 0, .8 + .2 * wave)
d <- data.frame(image, wave, x = round(x, 3), w = round(w, 3), z = round(z, 2), m = round(m, 3), y = round(y, 3))
items <- as.data.frame(replicate(5, pmin(pmax(round(4 + .9 * (d$x - 3) + rnorm(n, 0, 1.3)), 1), 7)))
names(items) <- paste0("t", 1:5); items$t3 <- 8 - items$t3
for (v in names(items)) items[[v]][runif(n) < .3] <- NA
items[7, ] <- NA
gaps <- d[c("y", "x", "w")]; gaps$x[c(4, 40)] <- NA; gaps$w[c(4, 90)] <- NA

keyed <- transform(items, t3 = 1 + 7 - t3); answered <- rowSums(!is.na(keyed))
at_least <- function(share) ifelse(answered > 0 & answered >= share * ncol(keyed), rowMeans(keyed, na.rm = TRUE), NA)
scoring <- list(half = at_least(.5), four_of_five = at_least(.8), all = at_least(1))

whole <- na.omit(transform(gaps, xw = x * w))
moments <- list(n = nrow(whole), mean = unname(colMeans(whole)), cov = unname(cov(whole)),
  table = list(cor = unname(cor(d[c("y", "x", "w")])), sd = unname(sapply(d[c("y", "x", "w")], sd)), mean = unname(colMeans(d[c("y", "x", "w")]))))

table_of <- function(f, V = vcov(f)) { se <- sqrt(diag(V)); t <- coef(f) / se; q <- qt(.975, f$df.residual)
  list(term = names(coef(f)), estimate = unname(coef(f)), std_error = unname(se), statistic = unname(t), p_value = unname(2 * pt(-abs(t), f$df.residual)),
       conf_low = unname(coef(f) - q * se), conf_high = unname(coef(f) + q * se), df = f$df.residual) }
g <- factor(d$image)
coded <- function(contrast) { gg <- g; contrasts(gg) <- contrast; c(list(columns = unname(model.matrix(~gg)[, -1])), table_of(lm(d$y ~ gg))) }
own <- solve(rbind(1 / 3, c(.5, .5, -1), c(1, -1, 0)))[, -1]   # people (own, person) against the product; own against the other
coding <- list(treatment = coded(contr.treatment(levels(g), base = 3)), sum = coded(contr.sum(3)), helmert = coded(contr.helmert(3)), own = coded(own),
  centred = table_of(lm(y ~ xc * wc, transform(d, xc = scale(x, scale = FALSE)[, 1], wc = scale(w, scale = FALSE)[, 1]))))

p <- list(several = c(.001, .012, .03, .04, .2, .5), tied = c(.02, .02, .02, .9, 1, 0, .049, .0499), one = .03, far = c(.9, .4, .7))
family <- lapply(p, function(v) list(p = I(v), holm = I(p.adjust(v, "holm")), bh = I(p.adjust(v, "BH"))))

f <- lm(y ~ m + x + w, d); H <- vcovHC(f, "HC3"); wald <- function(f, V, keep) { b <- coef(f)[keep]; as.numeric(t(b) %*% solve(V[keep, keep]) %*% b) / length(b) }
beta <- coef(f)[-1] * sapply(d[names(coef(f))[-1]], sd) / sd(d$y)
vif <- sapply(c("m", "x", "w"), function(v) 1 / (1 - summary(lm(reformulate(setdiff(c("m", "x", "w"), v), v), d))$r.squared))
s <- summary(f); steps <- anova(lm(y ~ x, d), lm(y ~ x + w, d), f); long <- lm(y ~ x + w + m, d)
L <- c(0, 1, -1, 0); equal <- function(V) { e <- sum(L * coef(f)); F <- e^2 / as.numeric(L %*% V %*% L); list(estimate = e, f = F, p = pf(F, 1, f$df.residual, lower = FALSE)) }
regression <- list(classical = table_of(f), hc3 = table_of(f, H), beta = unname(beta), vif = unname(vif), r_squared = s$r.squared, adj_r_squared = s$adj.r.squared,
  f = unname(s$fstatistic[1]), sigma = s$sigma, robust_f = wald(f, H, 2:4),
  steps = list(r_squared = c(summary(lm(y ~ x, d))$r.squared, summary(lm(y ~ x + w, d))$r.squared, s$r.squared), p = steps$`Pr(>F)`[-1],
    f_last = steps$F[3], robust_f_last = wald(long, vcovHC(long, "HC3"), 4)),
  equal = list(classical = equal(vcov(f)), hc3 = equal(H)))

# Koenker's form of Breusch and Pagan, Ramsey's RESET, and what one person does
aux <- lm(I(resid(f)^2) ~ m + x + w, d); bp <- n * summary(aux)$r.squared; re <- anova(f, lm(y ~ m + x + w + I(fitted(f)^2) + I(fitted(f)^3), d))
diagnostics <- list(breusch_pagan = c(bp, pchisq(bp, 3, lower = FALSE)), reset = c(re$F[2], re$`Pr(>F)`[2]), shapiro_wilk = c(unname(shapiro.test(resid(f))$statistic), shapiro.test(resid(f))$p.value),
  fitted = unname(fitted(f)), rstudent = unname(rstudent(f)), leverage = unname(hatvalues(f)), cook = unname(cooks.distance(f)), normal = qnorm((rank(resid(f)) - 3 / 8) / (n + 1 / 4)))

# Every subset of the predictors by lm: the gain of one over all subsets of a size without it, then over sizes
vars <- c("m", "x", "w", "z"); R2 <- function(v) if (length(v)) summary(lm(reformulate(v, "y"), d))$r.squared else 0
gain <- sapply(vars, function(v) sapply(0:3, function(k) { sets <- combn(setdiff(vars, v), k, simplify = FALSE); mean(sapply(sets, function(q) R2(c(q, v)) - R2(q))) }))
complete <- outer(vars, vars, Vectorize(function(a, b) { if (a == b) return(NA); rest <- setdiff(vars, c(a, b)); sets <- unlist(lapply(0:2, function(k) combn(rest, k, simplify = FALSE)), FALSE); all(sapply(sets, function(q) R2(c(q, a)) > R2(c(q, b)))) }))
sem_fit <- sem("y ~ m + x + w", d, fixed.x = FALSE, likelihood = "wishart"); S <- lavInspect(sem_fit, "vcov.std.all")
apart <- function(a, b) { i <- paste0("y~", c(a, b)); sqrt(S[i[1], i[1]] + S[i[2], i[2]] - 2 * S[i[1], i[2]]) }
importance <- list(general = unname(colMeans(gain)), conditional = unname(gain), complete = complete, beta_difference_se = c(apart("m", "w"), apart("x", "w")))

# Simple slopes, Johnson and Neyman's boundaries, and the effect along x -> m -> y with the errors of both equations together
a <- lm(m ~ x * w, d); b <- lm(y ~ m + x + w, d); at <- unname(quantile(d$w, c(.16, .5, .84)))
simple <- function(V) { e <- coef(a)["x"] + coef(a)["x:w"] * at; se <- sqrt(V["x", "x"] + 2 * at * V["x", "x:w"] + at^2 * V["x:w", "x:w"]); q <- qt(.975, a$df.residual)
  k <- coef(a)[c("x", "x:w")]; r <- polyroot(c(k[1]^2 - q^2 * V["x", "x"], 2 * (k[1] * k[2] - q^2 * V["x", "x:w"]), k[2]^2 - q^2 * V["x:w", "x:w"]))
  list(at = at, estimate = e, std_error = se, conf_low = e - q * se, conf_high = e + q * se, boundaries = I(sort(Re(r)))) }
push <- function(f) (model.matrix(f) * (resid(f) / (1 - hatvalues(f)))) %*% summary(f)$cov.unscaled
J <- crossprod(cbind(push(a), push(b))); names_all <- c(paste0("m.", names(coef(a))), paste0("y.", names(coef(b)))); dimnames(J) <- list(names_all, names_all)
delta <- function(gradient) { k <- names(gradient); sqrt(as.numeric(gradient %*% J[k, k] %*% gradient)) }
index <- unname(coef(a)["x:w"] * coef(b)["m"]); conditional <- unname((coef(a)["x"] + coef(a)["x:w"] * at) * coef(b)["m"])
moderation <- list(classical = simple(vcov(a)), hc3 = simple(vcovHC(a, "HC3")), index = index,
  index_se = delta(c("m.x:w" = unname(coef(b)["m"]), "y.m" = unname(coef(a)["x:w"]))), conditional = conditional,
  conditional_se = sapply(1:3, function(i) delta(c("m.x" = unname(coef(b)["m"]), "m.x:w" = at[i] * unname(coef(b)["m"]), "y.m" = unname(coef(a)["x"] + coef(a)["x:w"] * at[i])))))
a0 <- lm(m ~ x, d); b0 <- lm(y ~ m + x, d); J0 <- crossprod(cbind(push(a0), push(b0))); ab <- unname(coef(a0)["x"] * coef(b0)["m"])
g0 <- c(0, coef(b0)["m"], 0, coef(a0)["x"], 0); g1 <- c(0, coef(b0)["m"], 0, coef(a0)["x"], 1)
joint <- J0[c(2, 4, 5), c(2, 4, 5)]   # slopes only, in the order of the equations
paths <- list(indirect = ab, indirect_se = sqrt(as.numeric(g0 %*% J0 %*% g0)), total = unname(ab + coef(b0)["x"]), total_se = sqrt(as.numeric(g1 %*% J0 %*% g1)),
  direct = unname(coef(b0)["x"]), joint = unname(joint))

product <- function(rows, i) { r <- as.matrix(rows[i, c("x", "m", "y")]); r <- crossprod(sweep(r, 2, colMeans(r))); (r[1, 2] / r[1, 1]) * solve(r[1:2, 1:2], r[1:2, 3])[[2]] }
drawn <- boot(d, product, 40000); limits <- function(t) quantile(t, c(.025, .975), type = 6, names = FALSE)
by_jackknife <- empinf(data = d, statistic = product, type = "jack", stype = "i")
noise <- apply(sapply(split(drawn$t, rep(1:20, 2000)), limits), 1, sd) / sqrt(20)
# limits of the product of two normal estimates with classical errors, which are independent across the equations
normal <- quantile(rnorm(4e6, coef(a0)["x"], sqrt(vcov(a0)["x", "x"])) * rnorm(4e6, coef(b0)["m"], sqrt(vcov(b0)["m", "m"])), c(.025, .975), names = FALSE)
paths <- c(paths, list(std_indirect = ab * sd(d$x) / sd(d$y), std_total = unname(ab + coef(b0)["x"]) * sd(d$x) / sd(d$y), montecarlo = normal, draws = 40000, percentile = limits(drawn$t), limit_error = noise, bca = boot.ci(drawn, type = "bca", L = by_jackknife)$bca[4:5]))

# few people and a skewed answer, where the acceleration of BCa is large
few <- transform(d[1:30, ], y = round(exp(.8 * y), 2)); skewed <- boot(few, product, 100000); by_one <- empinf(data = few, statistic = product, type = "jack", stype = "i")
paths$skewed <- list(draws = 100000, y = few$y, percentile = limits(skewed$t), bca = boot.ci(skewed, type = "bca", L = by_one)$bca[4:5],
  bca_error = apply(sapply(split(skewed$t, rep(1:20, 5000)), function(t) { skewed$t <- matrix(t); skewed$R <- 5000; boot.ci(skewed, type = "bca", L = by_one)$bca[4:5] }), 1, sd) / sqrt(20))

# The same two equations in each wave: the difference is the interaction with the wave, its error HC3 in each wave
both <- lm(y ~ (m + x) * wave, d); first <- lm(y ~ m + x, d, wave == 0); second <- lm(y ~ m + x, d, wave == 1)
v <- cbind(diag(vcovHC(first, "HC3")), diag(vcovHC(second, "HC3"))); e <- coef(second) - coef(first); se <- sqrt(rowSums(v)); df <- rowSums(v)^2 / (v[, 1]^2 / first$df.residual + v[, 2]^2 / second$df.residual)
along <- lapply(0:1, function(k) { one <- d[d$wave == k, ]; fa <- lm(m ~ x, one); fb <- lm(y ~ m + x, one); P <- crossprod(cbind(push(fa), push(fb))); gr <- c(0, coef(fb)["m"], 0, coef(fa)["x"], 0); c(coef(fa)["x"] * coef(fb)["m"], sqrt(gr %*% P %*% gr)) })
subgroups <- list(indirect = along[[2]][[1]] - along[[1]][[1]], indirect_se = sqrt(along[[1]][[2]]^2 + along[[2]][[2]]^2), term = names(e), estimate = unname(e), interaction = unname(coef(both)[c("wave", "m:wave", "x:wave")]), std_error = unname(se), interaction_se = unname(sqrt(diag(vcovHC(both, "HC3")))[c("wave", "m:wave", "x:wave")]),
  df = unname(df), p_value = unname(2 * pt(-abs(e / se), df)), conf_low = unname(e - qt(.975, df) * se), conf_high = unname(e + qt(.975, df) * se))

# Welch, Kruskal and Wallis, pairs by the studentised range (Games and Howell), one covariate
one <- oneway.test(y ~ g, d); kw <- kruskal.test(y ~ g, d); av <- anova(lm(y ~ g, d)); bf <- anova(lm(abs(y - ave(y, g, FUN = median)) ~ g, d))
mean_of <- tapply(d$y, g, mean); part <- tapply(d$y, g, var) / table(g); k <- combn(levels(g), 2)
pairs <- apply(k, 2, function(q) { e <- mean_of[[q[2]]] - mean_of[[q[1]]]; se <- sqrt(sum(part[q])); df <- sum(part[q])^2 / sum(part[q]^2 / (table(g)[q] - 1)); r <- qtukey(.95, 3, df) / sqrt(2) * se
  w <- t.test(d$y[g == q[2]], d$y[g == q[1]]); stopifnot(all.equal(unname(w$parameter), df)); c(e, se, df, ptukey(sqrt(2) * abs(e / se), 3, df, lower = FALSE), e - r, e + r) })
cov_fit <- lm(y ~ g + z, d); cov_test <- anova(lm(y ~ z, d), cov_fit); adjusted <- predict(cov_fit, data.frame(g = levels(g), z = mean(d$z)), se.fit = TRUE)
cohen <- apply(k, 2, function(q) { a <- d$y[g == q[1]]; b <- d$y[g == q[2]]; na <- length(a); nb <- length(b); size <- sqrt(na * nb / (na + nb)); t <- unname(t.test(b, a, var.equal = TRUE)$statistic)
  at_share <- function(share) uniroot(function(ncp) pt(t, na + nb - 2, ncp) - share, c(t - 8, t + 8), tol = 1e-12)$root; c(t / size, at_share(.975) / size, at_share(.025) / size) })
groups <- list(cohen = cohen, mean_ci = unname(t(sapply(split(d$y, g), function(v) as.vector(t.test(v)$conf.int)))), f = unname(one$statistic), df = unname(one$parameter), p = one$p.value, kruskal = c(unname(kw$statistic), kw$p.value), eta = av$`Sum Sq`[1] / sum(av$`Sum Sq`),
  omega = (av$`Sum Sq`[1] - av$Df[1] * av$`Mean Sq`[2]) / (sum(av$`Sum Sq`) + av$`Mean Sq`[2]), brown_forsythe = bf$`F value`[1], mean = unname(c(mean_of)), pairs = pairs,
  ancova = list(f = cov_test$F[2], p = cov_test$`Pr(>F)`[2], mean = unname(adjusted$fit), mean_se = unname(adjusted$se.fit), mean_low = unname(adjusted$fit - qt(.975, cov_fit$df.residual) * adjusted$se.fit),
    slope = table_of(cov_fit)$estimate[4], slope_p = table_of(cov_fit)$p_value[4]))

# People matched by the code they made themselves, before and after
before <- data.frame(code = sprintf("p%03d", 1:40), psi = round(rnorm(40, 4), 2)); after <- data.frame(code = sprintf("P%03d ", c(3:35, 61:65)), psi = round(rnorm(38, 4.4), 2)); after <- after[sample(38), ]
pair <- merge(before, transform(after, code = trimws(tolower(code))), by = "code", all = TRUE, suffixes = c(".before", ".after")); tt <- with(pair, t.test(psi.after, psi.before, paired = TRUE))
waves <- list(before = before, after = after, matched = nrow(pair), both = sum(complete.cases(pair)), t = unname(tt$statistic), df = unname(tt$parameter), ci = as.vector(tt$conf.int))

# Sizes by formula: power.t.test, and the noncentral distributions of R solved for n; a correlation by Fisher's z with its bias
solve_for <- function(power, to) uniroot(function(n) power(n) - .8, to, tol = 1e-10)$root
sizes <- list(t = power.t.test(delta = .5, sd = 1, power = .8, strict = TRUE, tol = 1e-10)$n, anova = power.anova.test(groups = 3, between.var = .25^2 * 3 / 2, within.var = 1, power = .8)$n,
  correlation = solve_for(function(n) { t <- qt(.975, n - 2); z <- atanh(.3) + .3 / (2 * (n - 1)); zc <- atanh(sqrt(t^2 / (t^2 + n - 2))); pnorm((z - zc) * sqrt(n - 3)) + pnorm((-z - zc) * sqrt(n - 3)) }, c(10, 500)),
  regression = solve_for(function(n) pf(qf(.95, 3, n - 4), 3, n - 4, ncp = .15 * n, lower = FALSE), c(10, 500)))

# How often a study of 80 finds x -> m -> y (standardised .35 and .3, .1 straight), by four tests
studies <- 4000; slope_of <- function(W, X) { S <- W %*% cbind(X, X[, 1]^2, X[, 1] * X[, 2], X[, 1] * X[, 3], X[, 2]^2, X[, 2] * X[, 3]) / rowSums(W); k <- S[, 4:8] - S[, c(1, 1, 1, 2, 2)] * S[, c(1, 2, 3, 2, 3)]
  k <- matrix(k, ncol = 5); (k[, 2] / k[, 1]) * (k[, 5] * k[, 1] - k[, 2] * k[, 3]) / (k[, 1] * k[, 4] - k[, 2]^2) }
found <- replicate(studies, { X <- rnorm(80); M <- .35 * X + sqrt(1 - .35^2) * rnorm(80); Y <- .3 * M + .1 * X + sqrt(1 - .3^2 - .1^2 - 2 * .35 * .3 * .1) * rnorm(80)
  u <- summary(lm(M ~ X))$coefficients; v <- summary(lm(Y ~ M + X))$coefficients; z <- u[2, 1] * v[2, 1] / sqrt(u[2, 1]^2 * v[2, 2]^2 + v[2, 1]^2 * u[2, 2]^2)
  q <- quantile(slope_of(t(rmultinom(300, 80, rep(1, 80))), cbind(X, M, Y)), c(.025, .975)); c(u[2, 4] < .05, v[2, 4] < .05, v[3, 4] < .05, max(u[2, 4], v[2, 4]) < .05, abs(z) > qnorm(.975), q[1] > 0 | q[2] < 0) })
power <- list(studies = studies, n = 80, `m ~ x` = mean(found[1, ]), `y ~ m` = mean(found[2, ]), `y ~ x` = mean(found[3, ]), joint = mean(found[4, ]), sobel = mean(found[5, ]), percentile = mean(found[6, ]))

out <- list(meta = list(R = R.version.string, packages = lapply(c(sandwich = "sandwich", lavaan = "lavaan", boot = "boot"), function(k) as.character(packageVersion(k))), synthetic = TRUE), rows = d, items = items, gaps = gaps,
  scoring = scoring, moments = moments, coding = coding, family = family, regression = regression, diagnostics = diagnostics, importance = importance, moderation = moderation, paths = paths,
  subgroups = subgroups, groups = groups, waves = waves, sizes = sizes, power = power)
write_json(out, "scores.json", digits = 15, auto_unbox = TRUE, na = "null", matrix = "rowmajor")
