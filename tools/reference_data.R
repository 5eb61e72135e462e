# Writes the designs of the reference fits: inst/references/data-<name>.csv.
# Run from the top of the sources, before tools/reference_fits.py:
#   Rscript tools/reference_data.R
#
# A row is a sample. Columns: `y` the label of its class, then the columns of x (no intercept),
# then, where the data set has them, `(weight)` and `(offset)` or one `(offset.<class>)` a class.
# The columns are integers or short decimals, so that every reader gets the same doubles; the script
# reads each file back and stops if one bit differs. Data come with R and its recommended packages.

folder <- file.path("inst", "references")

# The shortest of 15, 16 or 17 significant digits that gives the double back.
decimal <- function(v) {
  text <- sprintf("%.15g", v)
  for (digits in 16:17) {
    wrong <- as.numeric(text) != v
    text[wrong] <- sprintf(paste0("%.", digits, "g"), v[wrong])
  }
  text
}

write_design <- function(name, y, x, weight = NULL, offset = NULL) {
  storage.mode(x) <- "double"
  columns <- as.data.frame(x, optional = TRUE)
  if (!is.null(weight)) columns[["(weight)"]] <- as.double(weight)
  if (is.matrix(offset)) {
    for (j in colnames(offset)) columns[[paste0("(offset.", j, ")")]] <- offset[, j]
  } else if (!is.null(offset)) {
    columns[["(offset)"]] <- offset
  }
  stopifnot(!anyNA(columns), !anyNA(y), length(y) == nrow(columns))
  path <- file.path(folder, paste0("data-", name, ".csv"))
  text <- lapply(columns, decimal)
  lines <- do.call(paste, c(list(as.character(y)), unname(text), sep = ","))
  writeLines(c(paste(c("y", names(columns)), collapse = ","), lines), path)
  back <- utils::read.csv(path, check.names = FALSE)
  stopifnot(identical(unname(lapply(back[-1], as.double)), unname(as.list(columns))))
}

# Treatment dummies whatever the factors' own contrasts are; the intercept column is dropped.
dummies <- function(formula, data) {
  factors <- names(Filter(is.factor, data[all.vars(formula)]))
  treatment <- stats::setNames(rep(list("contr.treatment"), length(factors)), factors)
  x <- stats::model.matrix(formula, data, contrasts.arg = treatment)
  rownames(x) <- NULL
  x[, -1, drop = FALSE]
}

birthwt <- transform(MASS::birthwt, race = factor(race, labels = c("white", "black", "other")))
write_design("birthwt", birthwt$low,
             dummies(~ age + lwt + race + smoke + ptl + ht + ui + ftv, birthwt))

# 1e6 added to one column: a date-like variable whose mean is far above its spread.
x <- dummies(~ education + age + parity + induced + spontaneous, datasets::infert)
write_design("infert", datasets::infert$case, x)
x[, "age"] <- x[, "age"] + 1e6
write_design("infert-shifted", datasets::infert$case, x)

# Counts as weights, cases and controls one row each; some cells are empty (weight 0).
esoph <- datasets::esoph
x <- dummies(~ agegp + alcgp + tobgp, esoph)
write_design("esoph", rep(c("control", "case"), each = nrow(x)), rbind(x, x),
             weight = c(esoph$ncontrols, esoph$ncases))

write_design("pima-te", MASS::Pima.te$type, as.matrix(MASS::Pima.te[1:7]))
write_design("pima-tr", MASS::Pima.tr$type, as.matrix(MASS::Pima.tr[1:7]))
write_design("mtcars", ifelse(datasets::mtcars$am == 1, "manual", "automatic"),
             dummies(~ wt, datasets::mtcars))

# Powers of the age in hundredths of a year are integers below 2^53 up to the fourth.
menarche <- MASS::menarche
age <- round(100 * menarche$Age)
x <- outer(age, 1:4, "^")
colnames(x) <- paste0("age", 1:4)
write_design("menarche", rep(c("no", "yes"), each = nrow(x)), rbind(x, x),
             weight = c(menarche$Total - menarche$Menarche, menarche$Menarche))

iris <- datasets::iris
write_design("iris", iris$Species, as.matrix(iris[1:4]))
write_design("iris-two", droplevels(iris$Species[51:150]), as.matrix(iris[51:150, 1:4]))
glass <- as.matrix(MASS::fgl[1:9])
glass[, "RI"] <- round(glass[, "RI"], 2)
write_design("fgl", MASS::fgl$type, glass)

# An offset per class: the logs of assumed shares of the three answers, by type of housing.
housing <- MASS::housing
x <- dummies(~ Infl + Type + Cont, housing)
shift <- cbind(Low = 0, Medium = c(0.25, -0.5, 0.125, 0)[housing$Type],
               High = c(0.75, 0.5, -0.25, -1)[housing$Type])
write_design("housing", housing$Sat, x, weight = housing$Freq, offset = shift)

survey <- stats::na.omit(MASS::survey[c("Exer", "Sex", "Pulse", "Age", "Height", "Smoke")])
survey$smoker <- as.integer(survey$Smoke != "Never")
write_design("survey", survey$Exer, dummies(~ Sex + Pulse + Age + Height + smoker, survey))

# Colour of the hair given the colour of the eyes: one dummy an eye colour, so saturated.
eyes <- factor(rep(rownames(MASS::caith), ncol(MASS::caith)), rownames(MASS::caith))
write_design("caith", rep(colnames(MASS::caith), each = nrow(MASS::caith)),
             dummies(~ eyes, data.frame(eyes)), weight = unlist(MASS::caith))

# An offset in a two-class model: a log-odds per pound of the mother's weight held fixed.
write_design("birthwt-offset", birthwt$low, dummies(~ age + race + smoke + ht, birthwt),
             weight = 1 + birthwt$ui, offset = (130 - birthwt$lwt) / 64)

# --- Made to measure: each has one difficulty, in the smallest size that shows it ----------------------------

# Rows of both classes with whole weights: never separated, whatever the columns are.
write_counts <- function(name, x, offset = NULL, events = 1 + (7 * seq_len(nrow(x))) %% 11,
                         others = 1 + (5 * seq_len(nrow(x))) %% 7) {
  write_design(name, rep(0:1, each = nrow(x)), rbind(x, x), weight = c(others, events),
               offset = if (!is.null(offset)) rep(offset, 2))
}
named <- function(x, prefix = "x") {
  colnames(x) <- paste0(prefix, seq_len(ncol(x)))
  x
}
# Whole numbers without a pattern that a line could follow.
mixed <- function(n, multiplier, modulus) (multiplier * seq_len(n)^2 + seq_len(n)) %% modulus

# Columns that nearly depend on each other: powers, a Hilbert matrix, economic series, two columns that differ
# in the 13th, 20th and 23rd binary place.
for (degree in c(3, 5, 7)) {
  write_counts(paste0("powers-", degree), named(outer(1:15, seq_len(degree), "^"), "t"))
}
write_counts("wampler", named(outer(0:20, 1:5, "^"), "t"))
write_counts("longley", as.matrix(datasets::longley[1:6]))
hilbert <- function(n, p) named(360360 / outer(seq_len(n), seq_len(p), function(i, j) i + j - 1))
write_counts("hilbert-4", hilbert(8, 4))
write_counts("hilbert-6", hilbert(9, 6))
for (places in c(13, 20, 23)) {
  a <- mixed(12, 3, 17)
  write_counts(paste0("near-", places), cbind(a = a, b = a + mixed(12, 5, 13) * 2^-places, c = mixed(12, 2, 11)))
}

# Means far above the spread, units far apart.
write_counts("shifted-8", cbind(a = 1e8 + mixed(12, 3, 17), b = mixed(12, 2, 11)))
write_counts("shifted-12", cbind(a = 1e12 + mixed(12, 3, 17), b = 1e9 + mixed(12, 2, 11)))
write_counts("units", cbind(tiny = mixed(12, 3, 17) * 1e-12, one = mixed(12, 2, 11), huge = mixed(12, 5, 13) * 1e12))
write_counts("far-units", cbind(tiny = mixed(12, 3, 17) * 1e-100, huge = mixed(12, 5, 13) * 1e100))

# Weights, rare events, rare levels.
i <- 1:25
write_design("weights", (i %/% 2 + i) %% 2, cbind(a = mixed(25, 3, 17), b = mixed(25, 2, 11)),
             weight = as.numeric(paste0("1e", i - 13)))
few <- cbind(a = mixed(10, 3, 17), b = mixed(10, 2, 11))
write_counts("rare", few, events = rep(1, 10), others = 1e6 + 1000 * (1:10))
write_counts("rarer", few, events = rep(1e-6, 10), others = 1e6 + 1000 * (1:10))
write_counts("rare-level", cbind(a = mixed(30, 3, 17), level = as.double(1:30 == 7)))
write_counts("levels", named(outer((1:36) %% 12, 1:11, "==") * 1, "level"))
write_counts("huge-counts", cbind(a = c(0, 0, 1, 1), b = c(0, 1, 0, 1)), events = c(1, 3e8, 2, 5e8),
             others = c(9e8, 7, 4e8, 3))

# Classes that are separated but for a row of the wrong class with a small weight.
i <- 1:14
for (digits in c(3, 10)) {
  write_design(paste0("nearly-separated-", digits), c(as.integer(i > 7), 1, 0),
               cbind(a = c(i, 3, 12), b = mixed(16, 3, 7)),
               weight = c(rep(1, 14), rep(as.numeric(paste0("1e-", digits)), 2)))
}
write_design("separated", as.integer(i > 7), cbind(a = i, b = mixed(14, 3, 7)))

# Scores of 1e5: by a column, and by offsets.
a <- c(-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
write_design("scores", c(0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1), cbind(a = c(a, -5e5, 5e5), b = mixed(12, 3, 7)))
write_design("offsets", c(0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1), cbind(a = c(a, -1, 1), b = mixed(12, 3, 7)),
             offset = c(rep(0, 10), -1e5, 1e5))
write_counts("offset-cancels", few, offset = 12345.678 + (1:10) / 8)
write_counts("ties", cbind(a = rep(0:1, 8), b = rep(0:1, each = 8)))

# Three to ten classes.
for (k in c(3, 4, 5, 7, 10)) {
  n <- 6 * k
  write_design(paste0("classes-", k), letters[1 + (seq_len(n)^3 + 5 * seq_len(n)) %% 23 %% k],
               cbind(a = mixed(n, 3, 17) / 4, b = mixed(n, 2, 11) / 4))
}
# The rows of each class once: nothing is separated, and one class is rare.
write_classes <- function(name, x, weight) {
  k <- ncol(weight)
  write_design(name, rep(letters[seq_len(k)], each = nrow(x)), x[rep(seq_len(nrow(x)), k), ],
               weight = as.vector(weight))
}
uneven <- outer(1:10, 1:3, function(i, c) 1 + (i * (2 * c + 1)) %% (5 + c))
write_classes("rare-class", few, uneven * rep(c(1e6, 1e6, 1), each = 10))
write_classes("near-classes", cbind(a = few[, 1], b = few[, 1] + few[, 2] * 2^-16), uneven)
write_classes("powers-classes", named(outer(1:10, 1:4, "^"), "t"), uneven)
write_design("far-classes", c(rep(letters[1:3], each = 6), "a", "b", "c"),
             cbind(a = c(1:18, 13, 2, 8), b = mixed(21, 3, 7)), weight = rep(c(1, 1e-6), c(18, 3)))

# More columns than rows, columns twice, for penalties.
wide <- function(n, p) named(outer(seq_len(n), seq_len(p), function(i, j) (i * i * j + 3 * i + j * j) %% 23 - 11))
write_design("wide", rep(0:1, 5), wide(10, 20))
write_design("wide-classes", rep(letters[1:3], 4), wide(12, 15))
write_design("twice", mixed(16, 3, 7) %/% 4, named(cbind(few, few)[c(1:10, 1:6), ]))
