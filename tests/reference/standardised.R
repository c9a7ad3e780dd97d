# Standard errors of standardised slopes from a correlation matrix. Rscript standardised.R (lavaan) writes standardised.json
suppressMessages({library(jsonlite); library(lavaan)})
names <- c("lik", "ani", "res", "sop", "tel", "pin")
r <- lav_matrix_lower2full(c(1, .526, 1, .517, .595, 1, .500, .587, .660, 1, .487, .578, .615, .532, 1, .544, .573, .656, .645, .638, 1))
dimnames(r) <- list(names, names)
fit <- sem("pin ~ lik + ani + res + sop + tel", sample.cov = r, sample.nobs = 378, fixed.x = FALSE)
s <- standardizedSolution(fit); s <- s[s$op == "~", ]
write_json(list(lavaan = as.character(packageVersion("lavaan")), term = s$rhs, est = s$est.std, se = s$se), "standardised.json", digits = 12, auto_unbox = TRUE)
