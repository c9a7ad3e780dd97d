# Reference numbers for what analysis/simulate.py makes up: alpha of each scale, betas and R2 of the scale means.
# The answers, once, from the root of the project:
#   python -c "from analysis.instrument import load_instrument as l; from analysis.simulate import simulate_answers as s
#   s(l('psi_core'), 2000, seed=1).to_csv('rows.csv', index=False)"
# Rscript simulate.R rows.csv   writes simulate.json beside it
suppressMessages({library(jsonlite); library(psych)})
d <- read.csv(commandArgs(TRUE)[1])
reversed <- c("physical3", "physical5", "social3", "social5", "homophily3", "homophily5", "psi7")  # on 7 points
d[reversed] <- 8 - d[reversed]
scales <- list(exposure = 3, physical = 5, social = 5, homophily = 5, psi = 8, trust = 5, purchase = 4)
items <- Map(function(scale, k) d[paste0(scale, 1:k)], names(scales), scales)
whole <- complete.cases(do.call(cbind, items))  # so that no rule for missing answers stands in between
alphas <- lapply(items, function(one) psych::alpha(one[whole, ], warnings = FALSE)$total$raw_alpha)
means <- as.data.frame(scale(sapply(items, function(one) rowMeans(one[whole, ]))))
model <- function(f) { m <- lm(f, means); list(beta = as.list(coef(m)[-1]), r2 = summary(m)$r.squared) }
out <- list(n = sum(whole), alpha = alphas, psi = model(psi ~ homophily + social + physical + exposure),
            purchase = model(purchase ~ psi + trust + homophily))
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE), "simulate.json")
