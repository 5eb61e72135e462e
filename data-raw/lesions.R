# Makes data/lesions.rda: simulated measurements of lesions of the mouth, 400 patients. Nobody was
# measured. Each patient has a hidden severity, on which the signal, the size and the age depend; the
# diagnosis follows from it with noise, so the classes overlap and cannot be told apart without error.
set.seed(20)
n <- 400
diagnoses <- c("benign", "premalignant", "malignant")
diagnosis <- factor(sample(diagnoses, n, TRUE, c(0.62, 0.26, 0.12)), diagnoses)
severity <- c(0, 1, 2)[diagnosis] + rnorm(n, sd = 0.55)

# Attenuation of a weak current at eight frequencies (kHz): a smooth curve that gets flatter and higher
# with severity, and that also depends on the patient and not on the lesion.
frequency <- c(1, 2, 5, 10, 20, 50, 100, 200)
person <- rnorm(n, sd = 0.5)
wave <- outer(severity, 0.55 * cos(seq(0, pi, length.out = 8)) + 0.1) +
  outer(person, seq(1, 0.6, length.out = 8))
base <- matrix(12 - 1.1 * log(frequency), n, 8, byrow = TRUE)
signal <- round(base + wave + matrix(rnorm(8 * n, sd = 0.25), n), 2)
colnames(signal) <- paste0("kHz", frequency)

age <- round(pmin(pmax(rnorm(n, 47 + 6 * severity, 12), 18), 90))
smoker <- factor(c("no", "yes")[1 + rbinom(n, 1, plogis(-1 + 0.6 * severity))])
site <- factor(sample(c("tongue", "cheek", "palate"), n, TRUE, c(0.4, 0.4, 0.2)))
size <- round(exp(rnorm(n, 1.6 + 0.25 * severity, 0.4)), 1)
size[sample(n, 12)] <- NA                 # not measured

lesions <- data.frame(diagnosis, age, smoker, site, size, signal)
save(lesions, file = "data/lesions.rda", version = 2, compress = "xz")
