# Standard errors of standardised estimates, and groups compared with robust corrections or with missing answers.
# Data and models are those of latent.json. Run in this folder: Rscript latent_more.R  -> latent_more.json
suppressMessages({library(lavaan); library(jsonlite)})
given <- fromJSON("latent.json"); d <- as.data.frame(given$data); m <- given$models
miss <- as.data.frame(given$missing); miss$group <- d$group
ord <- names(d)[1:10]
SEMi <- paste0(sub("tru ~ psi \\+ hom", "tru ~ b*psi + cc*hom", sub("psi ~ hom", "psi ~ a*hom", m$sem)), "\nindirect := a*b\ntotal := a*b + cc")
fit <- function(m, ...) { first <- sem(m, ...); again <- suppressWarnings(sem(m, ..., start = first, fixed.x = TRUE)); if (lavInspect(again, "converged")) again else first }
std <- function(f) { s <- as.data.frame(standardizedSolution(f)); s[, intersect(c("lhs", "op", "rhs", "group", "est.std", "se", "ci.lower", "ci.upper"), names(s))] }
fm <- function(f) { a <- fitMeasures(f); a <- a[!is.na(a)]; as.list(a[grepl("^(npar|chisq|df|pvalue|cfi|tli|logl|aic|bic$|rmsea|srmr$|baseline)", names(a))]) }
pe <- function(f) { p <- parameterEstimates(f); p[, intersect(c("lhs", "op", "rhs", "group", "est", "se"), names(p))] }
inv <- list(configural = "none", metric = "loadings", scalar = c("loadings", "intercepts"), strict = c("loadings", "intercepts", "residuals"))
compared <- function(data, ..., model = m$cfa) { fits <- lapply(inv, function(e) fit(model, data, group = "group", group.equal = e, ...))
  lrt <- as.data.frame(do.call(lavTestLRT, unname(fits))); rownames(lrt) <- NULL
  list(levels = lapply(fits, function(f) list(fit = fm(f), estimates = pe(f))), lrt = lrt) }
three <- "psi =~ psi1 + psi2 + psi3"
out <- list(
  meta = list(R = R.version.string, lavaan = as.character(packageVersion("lavaan")), script = "latent_more.R", synthetic = TRUE),
  standardised = list(cfa = std(fit(m$cfa, d)), sem = std(fit(SEMi, d)), mimic = std(fit(m$mimic, d)), high = std(fit(m$high, d)),
    cfa_std_lv = std(fit(m$cfa, d, std.lv = TRUE)), sem_mlr = std(fit(SEMi, d, estimator = "MLR")), mimic_mlm = std(fit(m$mimic, d, estimator = "MLM")),
    fiml_sem = std(fit(SEMi, miss, missing = "fiml")), wlsmv = std(fit(m$cfa, d, ordered = ord, estimator = "WLSMV")),
    wlsmv_sem = std(fit(SEMi, d, ordered = ord, estimator = "WLSMV")), scalar = std(fit(m$cfa, d, group = "group", group.equal = inv$scalar))),
  mlr = compared(d, estimator = "MLR"), mlm = compared(d, estimator = "MLM"),
  fiml = compared(miss, missing = "fiml"), fiml_mlr = compared(miss, missing = "fiml", estimator = "MLR"),
  three_mlr = compared(d, estimator = "MLR", model = three), three_mlm = compared(d, estimator = "MLM", model = three),
  three_fiml_mlr = compared(miss, missing = "fiml", estimator = "MLR", model = three))
write_json(out, "latent_more.json", digits = I(12), auto_unbox = TRUE, na = "null", null = "null", dataframe = "rows")
