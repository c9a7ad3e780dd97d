# Engagement by audience, indices and a composite of influencers in R; 40 influencers simulated here and written into the JSON.
# Rscript influencers.R   (jsonlite, sandwich)   writes influencers.json beside it
suppressMessages({library(jsonlite); library(sandwich)})
set.seed(45)
n <- 40
d <- data.frame(followers = round(10^runif(n, 2, 6)))
d$interactions <- round(d$followers * 10^(-.5 - .2 * log10(d$followers) + rnorm(n, 0, .15)))
d$trust <- round(rnorm(n, 4, .8), 3); d$fit <- round(.5 * d$trust + rnorm(n, 2, .6), 3)
d$purchase <- round(.6 * d$trust + .2 * log10(d$followers) + rnorm(n, 0, .7), 3)
slope <- function(m) { se <- sqrt(diag(vcovHC(m, "HC3"))); t <- qt(.975, df.residual(m))
  list(estimate = unname(coef(m)[2]), std_error = unname(se[2]), conf_low = unname(coef(m)[2] - t * se[2]), conf_high = unname(coef(m)[2] + t * se[2]), r_squared = summary(m)$r.squared) }
reach <- as.vector(scale(log10(d$followers))); relevance <- as.vector(scale(d$fit))
resonance <- (as.vector(scale(log10(d$interactions))) + as.vector(scale(d$trust))) / 2
composite <- (reach + relevance + resonance) / 3; own <- rank(-composite)
# every set of weights on a fine triangular grid stands for weights drawn uniformly over all that add up to 1
steps <- 200; w <- expand.grid(a = (0:(steps - 1) + 1 / 3) / steps, b = (0:(steps - 1) + 1 / 3) / steps); w <- w[w$a + w$b < 1, ]; w$c <- 1 - w$a - w$b
ranks <- apply(-(cbind(reach, relevance, resonance) %*% t(as.matrix(w))), 2, rank)
limits <- apply(ranks, 1, quantile, c(.025, .975))
fisher <- function(v) { t <- cor.test(v, d$purchase); list(estimate = unname(t$estimate), conf_low = t$conf.int[1], conf_high = t$conf.int[2]) }
write_json(list(r = R.version.string, sandwich = as.character(packageVersion("sandwich")), data = as.list(d),
  log_interactions = slope(lm(log10(interactions) ~ log10(followers), d)), log_rate = slope(lm(log10(interactions / followers) ~ log10(followers), d)),
  indices = list(reach = reach, relevance = relevance, resonance = resonance), composite = composite, rank = own, rank_low = limits[1, ], rank_high = limits[2, ],
  agreement = median(apply(ranks, 2, function(k) cor(k, own))),
  validity = lapply(list(composite = composite, reach = reach, relevance = relevance, resonance = resonance), fisher)), "influencers.json", digits = 15, auto_unbox = TRUE)
