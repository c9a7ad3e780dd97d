# Reference numbers for models with latent variables, from lavaan, on data simulated here (five-point items).
# Run in this folder: Rscript latent.R  -> latent.json (data and results together; the tests need no R).
suppressMessages({library(lavaan); library(jsonlite)})
RNGkind("Mersenne-Twister", "Inversion", "Rejection"); set.seed(20240611)
n <- 320
group <- rep(c("en", "nl"), c(170, 150))
age <- round(rnorm(n, 29, 7)); homophily <- .03 * (age - 29) + rnorm(n)
psi <- .55 * homophily + rnorm(n, sd = .8) + .25 * (group == "nl")
trust <- .6 * psi + rnorm(n, sd = .7)
shared <- rnorm(n, sd = .45)
item <- function(latent, loading, shift = 0) as.integer(cut(loading * latent + shift + rnorm(n, sd = .7), c(-Inf, -1.3, -.4, .45, 1.2, Inf)))
d <- data.frame(hom1 = item(homophily, .9), hom2 = item(homophily, .7), hom3 = item(homophily, .8),
  psi1 = item(psi, .9, shared), psi2 = item(psi, .8, .1 + shared), psi3 = item(psi, .7, .5 * (group == "nl")), psi4 = item(psi, .8, -.1),
  tru1 = item(trust, .9), tru2 = item(trust, .8), tru3 = item(trust, .7))
d$purchase <- round(3 + .5 * trust + .2 * psi + rnorm(n, sd = .8), 2); d$age <- age; d$group <- group
miss <- d; for (v in names(d)[1:10]) miss[[v]][runif(n) < .06] <- NA
miss$tru1[d$hom1 == 5 & runif(n) < .4] <- NA
CFA <- "hom =~ hom1 + hom2 + hom3\npsi =~ psi1 + psi2 + psi3 + psi4\ntru =~ tru1 + tru2 + tru3"
SEM <- paste0(CFA, "\npsi ~ a*hom\ntru ~ b*psi + cc*hom\npsi1 ~~ psi2")
SEMi <- paste0(SEM, "\nindirect := a*b\ntotal := a*b + cc")
MIMIC <- paste0(CFA, "\npsi ~ hom + age\ntru ~ psi\npurchase ~ tru + psi + age")
HIGH <- paste0(CFA, "\nbond =~ hom + psi + tru")
strip <- function(m) gsub("[a-z]+\\*", "", m)
pe <- function(f) { p <- parameterEstimates(f, standardized = TRUE); p[, intersect(c("lhs","op","rhs","group","est","se","ci.lower","ci.upper","std.all"), names(p)), drop = FALSE] }
fm <- function(f) { a <- fitMeasures(f); a <- a[!is.na(a)]; as.list(a[grepl("^(npar|chisq|df|pvalue|cfi|tli|logl|aic|bic$|rmsea|srmr$|baseline)", names(a))]) }
both <- function(f) list(fit = fm(f), estimates = pe(f))
mi <- function(f) { m <- modindices(f); as.data.frame(m[, c("lhs","op","rhs","mi","epc","sepc.all")]) }
# a second run from the first solution sharpens the last digits
fit <- function(m, ...) { first <- sem(m, ...); again <- suppressWarnings(sem(m, ..., start = first, fixed.x = TRUE)); if (lavInspect(again, "converged")) again else first }
f <- fit(CFA, d); s <- fit(SEMi, d); x <- fit(MIMIC, d)
inv <- list(configural = "none", metric = "loadings", scalar = c("loadings", "intercepts"), strict = c("loadings", "intercepts", "residuals"))
fits <- lapply(inv, function(e) fit(CFA, d, group = "group", group.equal = e))
part <- fit(CFA, d, group = "group", group.equal = c("loadings", "intercepts"), group.partial = c("psi3 ~ 1", "psi=~psi4"))
lrt <- as.data.frame(do.call(lavTestLRT, unname(fits))); rownames(lrt) <- NULL
ord <- names(d)[1:10]
out <- list(
  meta = list(R = R.version.string, lavaan = as.character(packageVersion("lavaan")), script = "latent.R", synthetic = TRUE),
  data = as.list(d), missing = as.list(miss[, ord]),
  models = list(cfa = CFA, sem = strip(SEM), mimic = MIMIC, high = HIGH),
  cfa = c(both(f), list(modification = mi(f))), cfa_std_lv = both(fit(CFA, d, std.lv = TRUE)),
  cfa_mlm = both(fit(CFA, d, estimator = "MLM")), cfa_mlr = both(fit(CFA, d, estimator = "MLR")),
  sem = c(both(s), list(modification = mi(s))), sem_mlr = both(fit(SEMi, d, estimator = "MLR")),
  mimic = c(both(x), list(modification = mi(x))), mimic_mlm = both(fit(MIMIC, d, estimator = "MLM")), mimic_mlr = both(fit(MIMIC, d, estimator = "MLR")),
  high = both(fit(HIGH, d)),
  invariance = lapply(fits, both), invariance_lrt = lrt, invariance_partial = both(part),
  fiml = both(fit(CFA, miss, missing = "fiml")), fiml_mlr = both(fit(CFA, miss, missing = "fiml", estimator = "MLR")),
  fiml_sem = both(fit(SEMi, miss, missing = "fiml")),
  wlsmv = local({ w <- fit(CFA, d, ordered = ord, estimator = "WLSMV"); c(both(w), list(polychoric = unclass(lavInspect(w, "sampstat")$cov), thresholds = as.list(lavInspect(w, "sampstat")$th))) }),
  wlsmv_sem = both(fit(SEMi, d, ordered = ord, estimator = "WLSMV")))
write_json(out, "latent.json", digits = I(12), auto_unbox = TRUE, na = "null", null = "null", dataframe = "rows", matrix = "rowmajor")
