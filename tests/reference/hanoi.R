# Reference numbers for the analysis of the shared data hanoi_impulse.csv (272 real answers, MIT; not part of the project).
# cd tests/reference; Rscript hanoi.R [DATA]   (base R, sandwich, psych, boot)   writes hanoi.json beside it
suppressMessages({library(jsonlite); library(sandwich); library(psych); library(boot)})
given <- commandArgs(trailingOnly = TRUE)
d <- read.csv(if (length(given)) given[1] else "../../../shared/data/hanoi_impulse.csv")
scales <- list(SIM = paste0("SIM", 1:3), ATT = paste0("ATT", 1:3), EXP = paste0("EXP", 1:2), TRU = paste0("TRU", 1:3),
               PAR = paste0("PAR", 1:3), URG = paste0("URG", 1:3))
s <- as.data.frame(lapply(scales, function(items) rowMeans(d[, items])))
one <- function(formula) {
  m <- lm(formula, s); sm <- summary(m); hc3 <- vcovHC(m, "HC3"); df <- m$df.residual; b <- coef(m); q <- qt(.975, df)
  se3 <- sqrt(diag(hc3)); k <- 2:length(b)
  beta <- b[k] * sapply(s[names(b)[k]], sd) / sd(model.response(model.frame(m)))
  wald <- drop(t(b[k]) %*% solve(hc3[k, k], b[k])) / length(k)
  list(n = nobs(m), df = df, coef = as.list(b), se = as.list(sm$coef[, 2]), p = as.list(sm$coef[, 4]),
       hc3 = list(se = as.list(se3), t = as.list(b / se3), p = as.list(2 * pt(-abs(b / se3), df)),
                  low = as.list(b - q * se3), high = as.list(b + q * se3), wald_f = wald),
       beta = as.list(beta), r2 = sm$r.squared, adj_r2 = sm$adj.r.squared, f = sm$fstatistic[[1]])
}
alphas <- lapply(scales, function(items) {
  a <- suppressWarnings(psych::alpha(d[, items], check.keys = FALSE))$total$raw_alpha; n <- nrow(d); k <- length(items)
  list(alpha = a, items = k, n = n, low = 1 - (1 - a) * qf(.975, n - 1, (n - 1) * (k - 1)), high = 1 - (1 - a) * qf(.025, n - 1, (n - 1) * (k - 1)))
})
equations <- list(PAR = PAR ~ SIM + ATT + EXP, TRU = TRU ~ PAR, URG = URG ~ PAR + TRU + SIM)
indirect <- function(x, i) { z <- x[i, ]
  a <- coef(lm.fit(cbind(1, z$SIM, z$ATT, z$EXP), z$PAR))[2]; d21 <- coef(lm.fit(cbind(1, z$PAR), z$TRU))[2]; b <- coef(lm.fit(cbind(1, z$PAR, z$TRU, z$SIM), z$URG))
  c(par = a * b[2], serial = a * d21 * b[3], direct = b[4]) }
set.seed(1); B <- 100000
bt <- boot(s, indirect, B)
effects <- lapply(1:3, function(j) { q <- quantile(bt$t[, j], c(.025, .975), names = FALSE); h <- .02 * sd(bt$t[, j])
  list(estimate = bt$t0[[j]], se = sd(bt$t[, j]), low = q[1], high = q[2],
       mc_se = sapply(q, function(at) sqrt(.025 * .975 / B) / (mean(abs(bt$t[, j] - at) < h) / (2 * h)))) })
names(effects) <- c("SIM -> PAR -> URG", "SIM -> PAR -> TRU -> URG", "SIM -> URG")
writeLines(toJSON(list(R = R.version.string, sandwich = as.character(packageVersion("sandwich")), psych = as.character(packageVersion("psych")),
  scales = scales, regressions = lapply(equations, one), alpha = alphas, boot_draws = B, effects = effects),
  auto_unbox = TRUE, digits = NA, pretty = TRUE), "hanoi.json")
