# Careless-response indices, flags and the flow of exclusions in base R; answers simulated here and written into the JSON.
# Rscript quality.R   (jsonlite)   writes quality.json beside it
suppressMessages(library(jsonlite))
set.seed(44)
n <- 160; scales <- 4; each <- 4
f <- matrix(rnorm(n * scales), n) %*% chol(matrix(.3, scales, scales) + diag(.7, scales))
reverse <- rep(c(FALSE, FALSE, TRUE, FALSE), scales)
x <- sapply(1:(scales * each), function(i) { v <- .9 * f[, (i - 1) %/% each + 1] + rnorm(n, 0, .44)
  k <- as.integer(cut(v, c(-Inf, -1.2, -.4, .4, 1.2, Inf))); if (reverse[i]) 6L - k else k })
colnames(x) <- paste0(rep(letters[1:scales], each = each), rep(1:each, scales))
x[1, ] <- 3L; x[2, ] <- 5L; x[3, 1:12] <- 4L; x[4:9, ] <- sample(1:5, 6 * 16, TRUE); x[11, ] <- x[10, ]; x[12, ] <- rep(c(1L, 5L), 8)
x[matrix(runif(length(x)) < .02, n)] <- NA; x[11, ] <- x[10, ]
x[13, ] <- NA; x[14, -1] <- NA; x[15, -(1:5)] <- NA; x[16, ] <- x[15, ]
attend <- sample(c(2L, 2L, 2L, 2L, 4L, NA), n, TRUE); age <- sample(c(18:60, NA), n, TRUE); seconds <- round(runif(n, 15, 200), 1)

limits <- list(hints = 3, checks = 1, seconds = 2, longstring = .5, mads = 3, even_odd = .30, synonyms = .22, antonyms = -.03, pair = .60, person_total = 0, p = .001, duplicate_items = 10)
together <- function(a, b) { ok <- !is.na(a) & !is.na(b); if (sum(ok) < 3 || sd(a[ok]) == 0 || sd(b[ok]) == 0) NA else cor(a[ok], b[ok]) }
keyed <- x; keyed[, reverse] <- 6L - keyed[, reverse]
whole <- x[complete.cases(x), ]
r <- cor(whole); r[!upper.tri(r)] <- 0
syn <- which(r >= limits$pair, arr.ind = TRUE); ant <- which(r <= -limits$pair, arr.ind = TRUE)
half <- function(row, which) sapply(1:scales, function(s) { v <- row[(s - 1) * each + which]; if (all(is.na(v))) NA else mean(v, na.rm = TRUE) })
answered <- rowSums(!is.na(x))
runs <- apply(x, 1, function(row) rle(row[!is.na(row)])$lengths)
even_odd <- apply(keyed, 1, function(row) { q <- together(half(row, c(1, 3)), half(row, c(2, 4))); max(2 * q / (1 + q), -1) })
d2 <- sapply(1:n, function(i) { o <- !is.na(x[i, ]); if (!any(o)) NA else mahalanobis(x[i, o, drop = FALSE], colMeans(whole)[o], cov(whole)[o, o, drop = FALSE]) })
same <- apply(x, 1, paste, collapse = " ")
all_answered <- answered + (!is.na(attend)) + (!is.na(age))
index <- data.frame(answered = answered, checks_failed = ifelse(is.na(attend), NA, as.numeric(attend != 2)),
  seconds_per_item = ifelse(all_answered > 0, seconds / all_answered, NA),
  longstring = sapply(runs, function(l) if (length(l)) max(l) else NA), average_longstring = sapply(runs, function(l) if (length(l)) mean(l) else NA),
  irv = apply(x, 1, sd, na.rm = TRUE), even_odd = even_odd,
  synonyms = apply(x, 1, function(row) together(row[syn[, 1]], row[syn[, 2]])), antonyms = apply(x, 1, function(row) together(row[ant[, 1]], row[ant[, 2]])),
  person_total = apply(keyed, 1, function(row) together(row, colMeans(keyed, na.rm = TRUE))),
  mahalanobis_sq = d2, mahalanobis_p = pchisq(d2, answered, lower.tail = FALSE),
  duplicates = ifelse(answered > 0, as.vector(table(same)[same]) - 1, 0))
fence <- function(v, side) median(v, na.rm = TRUE) + side * limits$mads * mad(v, na.rm = TRUE)
yes <- function(v) !is.na(v) & v
flags <- with(index, data.frame(checks_failed = yes(checks_failed >= limits$checks), too_fast = yes(seconds_per_item < limits$seconds),
  longstring = yes(longstring >= limits$longstring * answered & answered > 1), irv_low = yes(irv < fence(irv, -1)),
  duplicate = duplicates > 0 & answered >= limits$duplicate_items, average_longstring = yes(average_longstring > fence(average_longstring, 1)),
  irv_high = yes(irv > fence(irv, 1)), even_odd = yes(even_odd < limits$even_odd), synonyms = yes(synonyms < limits$synonyms),
  antonyms = yes(antonyms > limits$antonyms), person_total = yes(person_total < limits$person_total), mahalanobis = yes(mahalanobis_p < limits$p)))
flags$flagged <- rowSums(flags[, 1:5]) > 0 | rowSums(flags[, 6:12]) >= limits$hints
steps <- c("longstring", "too_fast", "duplicate", "even_odd", "flagged"); left <- flags; flow <- NULL
for (s in steps) { flow <- rbind(flow, data.frame(reason = s, flagged = sum(flags[[s]]), excluded = sum(left[[s]]), remaining = sum(!left[[s]]))); left <- left[!left[[s]], ] }
write_json(list(r = R.version.string, reverse = colnames(x)[reverse], pairs = list(synonyms = nrow(syn), antonyms = nrow(ant)),
  data = data.frame(x, attend = attend, age = age, seconds = seconds), index = index, flags = flags, flow = flow),
  "quality.json", digits = 15, na = "null", dataframe = "columns", auto_unbox = TRUE)
print(colSums(flags)); print(c(nrow(syn), nrow(ant))); print(flow); print(colSums(is.na(index)))
