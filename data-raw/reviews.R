# Makes data/reviews.rda: 400 short film reviews, put together from lists of words. Nobody wrote them.
# A review says what its author thinks with most of its words, and the opposite with some; one sentence in
# eight is negated ("not boring"), which a count of words cannot see.
set.seed(21)
n <- 400
good <- c("brilliant", "moving", "funny", "beautiful", "gripping", "clever", "charming", "superb",
          "touching", "fresh", "honest", "stunning", "great", "wonderful", "delightful")
bad <- c("boring", "dull", "predictable", "clumsy", "loud", "awful", "shallow", "slow", "tedious",
         "silly", "pointless", "weak", "messy", "terrible", "lifeless")
praise <- c("loved", "enjoyed", "admired", "recommend")
blame <- c("hated", "regret", "endured", "forgot")
nouns <- c("movie", "film", "plot", "story", "acting", "cast", "music", "ending", "dialogue", "camera",
           "director", "script", "hero", "villain", "pace")
degrees <- c("very", "quite", "really", "rather", "truly", "a bit")
fillers <- c("We saw it on a rainy Sunday.", "My brother chose it.", "The cinema was full.",
             "It runs for two hours.", "I had read the book before.", "It is set in Lisbon.",
             "There is a dog in it.", "The tickets were cheap.", "It was made in 1994.",
             "I watched it twice.", "We left at ten.", "The popcorn was salty.")
one <- function(words) sample(words, 1)
opinion <- function(happy) {
  own <- if (runif(1) < 0.8) happy else !happy
  if (runif(1) < 0.2) {
    return(sprintf("I %s the %s.", one(if (own) praise else blame), one(nouns)))
  }
  negated <- runif(1) < 1 / 8
  word <- one(if (own != negated) good else bad)
  middle <- if (negated) "was not" else if (runif(1) < 0.4) paste("was", one(degrees)) else "was"
  sprintf("The %s %s %s.", one(nouns), middle, word)
}
review <- function(happy) {
  said <- c(replicate(sample(2:4, 1), opinion(happy)), sample(fillers, sample(0:2, 1)))
  paste(sample(said), collapse = " ")
}
happy <- sample(rep(c(TRUE, FALSE), n / 2))
reviews <- data.frame(sentiment = factor(ifelse(happy, "positive", "negative")),
                      text = vapply(happy, review, ""))
save(reviews, file = "data/reviews.rda", version = 2, compress = "xz")
