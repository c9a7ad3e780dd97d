# Mixed models on simulated ratings: crossed with missing cells, a random slope beside a crossed factor, nested, zero variance.
# Rscript mixed.R   (lme4)   writes mixed.json beside it, with the data
suppressMessages({library(jsonlite); library(lme4)})
set.seed(8)
d <- expand.grid(participation = 1:45, influencer = 1:9)
d <- d[runif(nrow(d)) < .7, ]
d$city <- d$participation %% 5; d$shop <- d$participation %% 15 %/% 5
d$psi <- round(rnorm(nrow(d), 4, 1.2), 3); d$exposure <- round(runif(nrow(d), 0, 60), 1)
u <- rnorm(45, 0, .7); s <- rnorm(45, 0, .25); v <- rnorm(9, 0, .5); w <- rnorm(15, 0, .6)
d$purchase <- round(2 + .4 * d$psi + .01 * d$exposure + u[d$participation] + s[d$participation] * (d$psi - 4) + v[d$influencer] + rnorm(nrow(d), 0, .8), 3)
d$spend <- round(3 + .2 * d$psi + w[d$city * 3 + d$shop + 1] + rnorm(nrow(d)), 3)
d$noise <- round(rnorm(nrow(d)), 3)
fit <- function(m) list(terms = names(fixef(m)), estimate = unname(fixef(m)), se = unname(sqrt(diag(as.matrix(vcov(m))))),
  varcomp = { v <- as.data.frame(VarCorr(m)); v <- v[is.na(v$var2), ]; setNames(as.list(v$vcov), paste(v$grp, v$var1)) },
  cor = { v <- as.data.frame(VarCorr(m)); v$sdcor[!is.na(v$var2)] }, logLik = as.numeric(logLik(m)))
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10), calc.derivs = FALSE)
out <- list(
  meta = list(R = R.version.string, lme4 = as.character(packageVersion("lme4"))),
  rows = d,
  crossed = fit(lmer(purchase ~ psi + exposure + (1 | participation) + (1 | influencer), d, control = tight)),
  slope = fit(lmer(purchase ~ psi + exposure + (psi | participation) + (1 | influencer), d, control = tight)),
  slope_of_small = fit(lmer(purchase ~ psi + exposure + (1 | participation) + (exposure | influencer), d, control = tight)),
  nested = fit(lmer(spend ~ psi + (1 | city) + (1 | city:shop), d, control = tight)),
  components = fit(lmer(purchase ~ 1 + (1 | participation) + (1 | influencer), d, control = tight)),
  zero = fit(suppressMessages(lmer(noise ~ psi + (1 | participation) + (1 | influencer), d, control = tight))))
write_json(out, "mixed.json", digits = 12, auto_unbox = TRUE)
