# Intervals of variance components on the ratings of mixed.json: nlme's (normal on the log scale, restricted likelihood)
# and lme4's profiles (of the unrestricted likelihood, so only near). Run here: Rscript components.R -> components.json
suppressMessages({library(jsonlite); library(nlme); library(lme4)})
d <- fromJSON("mixed.json")$rows
ctl <- lmeControl(msTol = 1e-12, tolerance = 1e-12, niterEM = 200, msMaxIter = 500, maxIter = 200, opt = "optim", optimMethod = "BFGS", reltol = 1e-14)
near <- function(m) { i <- intervals(m, which = "var-cov"); lapply(c(i$reStruct, list(residual = data.frame(lower = i$sigma[[1]], est. = i$sigma[[2]], upper = i$sigma[[3]]))), function(p) lapply(split(p, rownames(p)), as.list)) }
profiled <- function(m) { p <- suppressMessages(suppressWarnings(confint(m, parm = "theta_", oldNames = FALSE, quiet = TRUE))); lapply(split(as.data.frame(p), rownames(p)), function(x) list(low = x[[1]], high = x[[2]])) }
out <- list(meta = list(R = R.version.string, nlme = as.character(packageVersion("nlme")), lme4 = as.character(packageVersion("lme4")), script = "components.R", synthetic = TRUE),
  nested = near(lme(spend ~ psi, d, random = ~ 1 | city/shop, control = ctl)),
  slope = near(lme(purchase ~ psi + exposure, d, random = ~ psi | participation, control = ctl)),
  single = near(lme(purchase ~ psi, d, random = ~ 1 | participation, control = ctl)),
  crossed_profile = profiled(lmer(purchase ~ psi + exposure + (1 | participation) + (1 | influencer), d, REML = FALSE)),
  single_profile = profiled(lmer(purchase ~ psi + (1 | participation), d, REML = FALSE)))
write_json(out, "components.json", digits = 10, auto_unbox = TRUE)
