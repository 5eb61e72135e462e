library(testthat)
library(linclass)

test_check("linclass")
