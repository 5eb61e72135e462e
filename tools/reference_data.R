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
