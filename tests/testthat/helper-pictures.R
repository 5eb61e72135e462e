# Draws into a pdf file that is not compressed and reads it back: what expr returned and whether it
# was visible, whether par() and the devices are as before, and what is on the page: its strings
# with their places, the colours of lines and areas, and the pixels of raster images, as "#rrggbb".
drawn <- function(expr, width = 5.5, height = 4) {
  file <- tempfile(fileext = ".pdf")
  on.exit(unlink(file))
  devices <- grDevices::dev.list()
  grDevices::pdf(file, width = width, height = height, compress = FALSE, useKerning = FALSE)
  device <- grDevices::dev.cur()
  page <- tryCatch({
    # What any new plot changes is no trace that a function left.
    of_plot <- c("usr", "xaxp", "yaxp", "xlog", "ylog", "mfg", "pin", "plt", "fin", "fig", "new")
    kept <- setdiff(names(par(no.readonly = TRUE)), of_plot)
    before <- par(kept)
    value <- withVisible(expr)
    list(value = value$value, visible = value$visible, par_kept = identical(before, par(kept)))
  }, finally = grDevices::dev.off(device))
  page$devices_kept <- identical(devices, grDevices::dev.list())
  lines <- readLines(file, warn = FALSE)
  text <- grep("^/F[0-9]+ 1 Tf .* Tj$", lines, value = TRUE, useBytes = TRUE)
  place <- strsplit(sub("^/F[0-9]+ 1 Tf (.*) Tm.*$", "\\1", text), " ")
  page$text <- trimws(gsub("\\\\([()])", "\\1", sub("^.* Tm \\((.*)\\) Tj$", "\\1", text)))
  page$x <- vapply(place, function(v) as.numeric(v[5]) / 72, 1)
  page$y <- vapply(place, function(v) as.numeric(v[6]) / 72, 1)
  page$inside <- all(page$x >= 0 & page$x <= width & page$y >= 0 & page$y <= height)
  inks <- unique(grep("^/sRGB cs|[0-9] (scn|SCN)$", lines, value = TRUE, useBytes = TRUE))
  rgb <- regmatches(inks, gregexpr("[01]\\.[0-9]+", inks))
  rgb <- rgb[lengths(rgb) == 3]
  page$colours <- vapply(rgb, function(v) {
    v <- as.numeric(v)
    tolower(grDevices::rgb(v[1], v[2], v[3]))
  }, "")
  hex <- grep("^[0-9a-f]+>$", lines, value = TRUE, useBytes = TRUE)
  hex <- hex[nchar(hex) < 1e6 & (nchar(hex) - 1) %% 6 == 0]
  page$pixels <- lapply(hex, function(h) {
    at <- seq(1, nchar(h) - 1, by = 6)
    paste0("#", substring(h, at, at + 5))
  })
  page
}

expect_good_page <- function(page) {
  expect_false(page$visible)
  expect_true(page$par_kept)
  expect_true(page$devices_kept)
  expect_true(page$inside)
}
