# Small pictures for the vignettes: knitr's fig.process. A plot has a few colours and their mixtures along
# the edges, but a png() of it has three bytes a pixel; with a palette it takes a quarter of the room. The
# vignettes draw into bmp files, which a few lines can read, and this writes the same picture as PNG with at
# most 96 colours.
with_palette <- function(file, colours = 96L) {
  if (!grepl("[.]bmp$", file)) return(file)
  pixels <- read_bmp(file)
  unlink(file)
  file <- sub("bmp$", "png", file)
  shown <- reduce_colours(pixels, colours)
  write_png(matrix(shown$index, nrow(pixels), ncol(pixels)), shown$palette, file)
  file
}

# The pixels as numbers 65536 red + 256 green + blue, row 1 at the top (Microsoft's BITMAPINFOHEADER).
read_bmp <- function(file) {
  bytes <- readBin(file, "raw", file.size(file))
  number <- function(at, size) sum(as.integer(bytes[at + seq_len(size)]) * 256^(seq_len(size) - 1))
  start <- number(10L, 4L)
  width <- number(18L, 4L)
  height <- number(22L, 4L)
  depth <- number(28L, 2L) / 8
  stopifnot(number(30L, 4L) == 0, depth %in% c(1, 3, 4))
  stride <- 4 * ceiling(width * depth / 4)
  body <- matrix(as.integer(bytes[start + seq_len(stride * height)]), stride)[seq_len(width * depth), , drop = FALSE]
  mixed <- function(b) b[1L, ] + 256 * b[2L, ] + 65536 * b[3L, ]
  pixels <- if (depth == 1) {
    table <- matrix(as.integer(bytes[14L + number(14L, 4L) + seq_len(start - 14L - number(14L, 4L))]), 4L)
    mixed(table)[body + 1L]
  } else {
    mixed(matrix(body, depth))
  }
  matrix(pixels, height, width, byrow = TRUE)[height:1, , drop = FALSE]
}

# Median cut (Heckbert 1982): boxes of colours are halved, that with the largest spread times its
# number of pixels first; the colours of a box become their mean.
reduce_colours <- function(pixels, most) {
  found <- sort(unique(c(pixels)))
  place <- match(pixels, found)
  count <- tabulate(place, length(found))
  rgb <- cbind(found %/% 65536, found %/% 256 %% 256, found %% 256)
  spread <- function(i) {
    if (length(i) < 2L) return(c(0, 1))
    centred <- sweep(rgb[i, ], 2L, colSums(count[i] * rgb[i, ]) / sum(count[i]))
    squares <- colSums(count[i] * centred^2)
    c(max(squares), which.max(squares))
  }
  boxes <- list(seq_along(found))
  widths <- list(spread(boxes[[1L]]))
  while (length(boxes) < min(most, length(found))) {
    b <- which.max(vapply(widths, `[`, 1, 1L))
    i <- boxes[[b]]
    i <- i[order(rgb[i, widths[[b]][2L]])]
    values <- rgb[i, widths[[b]][2L]]
    low <- values <= sum(count[i] * values) / sum(count[i])
    boxes[[b]] <- i[low]
    boxes[[length(boxes) + 1L]] <- i[!low]
    widths[c(b, length(boxes))] <- lapply(boxes[c(b, length(boxes))], spread)
  }
  mean_of <- function(i) colSums(count[i] * rgb[i, , drop = FALSE]) / sum(count[i])
  box <- integer(length(found))
  for (b in seq_along(boxes)) box[boxes[[b]]] <- b
  list(index = box[place] - 1L, palette = round(t(vapply(boxes, mean_of, double(3L)))))
}

write_png <- function(index, palette, file) {
  big <- function(n) as.raw(n %/% 256^(3:0) %% 256)
  chunk <- function(name, data = raw()) {
    body <- c(charToRaw(name), data)
    c(big(length(data)), body, crc32(body))
  }
  rows <- rbind(0L, t(index)) # each row begins with its filter, none
  header <- c(big(ncol(index)), big(nrow(index)), as.raw(c(8L, 3L, 0L, 0L, 0L)))
  writeBin(c(as.raw(c(137L, 80L, 78L, 71L, 13L, 10L, 26L, 10L)), chunk("IHDR", header),
             chunk("PLTE", as.raw(t(palette))), chunk("IDAT", memCompress(as.raw(rows), "gzip")),
             chunk("IEND")), file)
}

# The checksum of a PNG chunk (RFC 2083, appendix), in two halves of 16 bits: R has no unsigned integers.
crc32 <- function(bytes) {
  table <- vapply(0:255, function(n) {
    high <- 0L
    low <- n
    for (k in 1:8) {
      odd <- low %% 2L == 1L
      low <- low %/% 2L + (high %% 2L) * 32768L
      high <- high %/% 2L
      if (odd) {
        high <- bitwXor(high, 0xEDB8L)
        low <- bitwXor(low, 0x8320L)
      }
    }
    c(high, low)
  }, integer(2L))
  high <- low <- 65535L
  for (byte in as.integer(bytes)) {
    entry <- table[, bitwXor(low %% 256L, byte) + 1L]
    low <- bitwXor(low %/% 256L + (high %% 256L) * 256L, entry[2L])
    high <- bitwXor(high %/% 256L, entry[1L])
  }
  both <- 65535L - c(high, low)
  as.raw(c(both[1L] %/% 256L, both[1L] %% 256L, both[2L] %/% 256L, both[2L] %% 256L))
}
