# Reference numbers for groups, families, ordinal outcomes and designs; data simulated here and written into the JSON.
# Rscript designs.R   (base R, MASS, sandwich)   writes designs.json beside it
suppressMessages({library(jsonlite); library(MASS); library(sandwich)})
set.seed(20)
n <- 240
d <- data.frame(person = rep(1:120, each = 2), post = rep(0:1, 120), treated = rep(rbinom(120, 1, .5), each = 2))
d$age <- rep(round(rnorm(120, 30, 8)), each = 2)
d$y <- round(4 + .3 * d$post + .2 * d$treated + .5 * d$post * d$treated + rep(rnorm(120, 0, .8), each = 2) + rnorm(n, 0, .6), 3)
x <- round(rnorm(n), 3); z <- round(rnorm(n), 3)
d$x <- x; d$z <- z
d$rating <- as.integer(cut(.9 * x - .5 * z + rlogis(n), c(-Inf, -2, -.5, .7, 2, Inf)))
w <- data.frame(w1 = round(rnorm(40, 4, 1), 3)); w$w2 <- round(w$w1 * .6 + 2 + rnorm(40, 0, .7), 3); w$w3 <- round(w$w2 * .5 + 2.6 + rnorm(40, 0, 1), 3)

a <- d$y[d$treated == 1 & d$post == 0]; b <- d$y[d$treated == 0 & d$post == 0]
tost <- list(margin = .5, lower = t.test(a, b, mu = -.5, alternative = "greater")$p.value,
             upper = t.test(a, b, mu = .5, alternative = "less")$p.value, ci = as.vector(t.test(a, b, conf.level = .9)$conf.int))
p <- c(.001, .012, .03, .04, .2, .5)

polr1 <- polr(factor(rating) ~ x + z, d, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
probit <- polr(factor(rating) ~ x + z, d, Hess = TRUE, method = "probit", control = list(reltol = 1e-15, maxit = 1000))
ordinal <- function(m) list(coef = as.list(coef(m)), zeta = as.list(m$zeta), se = as.list(sqrt(diag(vcov(m)))), deviance = deviance(m), null = deviance(update(m, . ~ 1)))

m <- lm(y ~ treated * post, d)
se <- sqrt(diag(vcovCL(m, cluster = ~person, type = "HC1"))); G <- length(unique(d$person))
cl <- cbind(coef(m), se, coef(m) / se, 2 * pt(-abs(coef(m) / se), G - 1))
long <- data.frame(y = c(w$w1, w$w2, w$w3), wave = factor(rep(1:3, each = 40)), id = factor(rep(1:40, 3)))
mlm <- lm(cbind(w1, w2, w3) ~ 1, w)
rm <- summary(aov(y ~ wave + Error(id / wave), long))[["Error: id:wave"]][[1]]
eps <- anova(mlm, X = ~1, test = "Spherical"); head <- attr(eps, "heading")
tt <- t.test(w$w2, w$w1, paired = TRUE)
out <- list(
  meta = list(R = R.version.string, packages = lapply(c(MASS = "MASS", sandwich = "sandwich"), function(k) as.character(packageVersion(k)))),
  rows = d, waves = w, tost = tost,
  adjust = list(p = p, holm = p.adjust(p, "holm"), bh = p.adjust(p, "BH")),
  logit = ordinal(polr1), probit = ordinal(probit),
  did = list(terms = rownames(cl), values = unclass(cl)[, 1:4]),
  repeated = list(F = rm$`F value`[1], p = rm$`Pr(>F)`[1], heading = head, p_gg = eps$`G-G Pr`[1], p_hf = eps$`H-F Pr`[1], F_mlm = eps$F[1]),
  paired = list(t = unname(tt$statistic), df = unname(tt$parameter), p = tt$p.value, ci = as.vector(tt$conf.int), estimate = unname(tt$estimate)))
write_json(out, "designs.json", digits = 15, auto_unbox = TRUE, pretty = FALSE, matrix = "rowmajor")
