/* Tests of the room "loss": every row of the table, in every link, by properties that define it. */
#include "problem/loss.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "ctest.h"

void test_loss(void);

enum { M = 40, MOST = 5, PAIRS = MOST * (MOST + 1) / 2, LD = M + 3 };

/* One loss under one link, with scores and codes of M rows; columns are LD apart. */
typedef struct bench {
  const lc_loss *loss;
  lc_coding coding;
  double z[LD * MOST], y[M], value[M], r[LD * MOST], s[LD * PAIRS];
} bench;

static void fill(bench *b, double spread) {
  for (int i = 0; i < LD * MOST; i++) b->z[i] = spread * ctest_normal();
  for (int i = 0; i < M; i++) b->y[i] = i % b->coding.k;
}

static void compute(bench *b) {
  memset(b->r, 0, sizeof b->r);
  memset(b->s, 0, sizeof b->s);
  double *s = b->loss->flags & LC_CURVATURE ? b->s : NULL;
  lc_loss_block rows = {
      .m = M, .z = b->z, .y = b->y, .value = b->value, .r = b->r, .s = s, .ldz = LD, .ldr = LD, .lds = LD};
  b->loss->rows(&b->coding, &rows);
}

static double value_of(const bench *b, int i, const double *z) {
  double value;
  b->loss->rows(&b->coding, &(lc_loss_block){.m = 1, .z = z, .y = b->y + i, .value = &value, .ldz = 1});
  return value;
}

static void row_of(const bench *b, int i, double *z) {
  for (int c = 0; c < b->coding.K; c++) z[c] = b->z[i + c * LD];
}

/* The losses by their definitions, from the scores of all classes. */
static double by_definition(const bench *b, int i) {
  const char *name = b->loss->name;
  int y = (int)b->y[i];
  double own = lc_coding_score(&b->coding, b->z + i, LD, y), sum = 0;
  double margin = strcmp(name, "perceptron") == 0 ? 0 : 1;
  if (b->loss->flags & LC_LIKELIHOOD) {
    for (int j = 0; j < b->coding.k; j++) sum += exp(lc_coding_score(&b->coding, b->z + i, LD, j) - own);
    return log(sum);
  }
  for (int j = 0; j < b->coding.k; j++) {
    double u = fmax(0, lc_coding_score(&b->coding, b->z + i, LD, j) - own + margin);
    if (strcmp(name, "crammer_singer") == 0) {
      sum = fmax(sum, j != y ? u : 0);
      continue;
    }
    if (strcmp(name, "squared_hinge") == 0) u = u * u;
    if (strcmp(name, "huber_hinge") == 0) u = u < 1 ? u * u / 2 : u - 0.5;
    if (j != y) sum += u;
  }
  return sum;
}

/* How near a row is to a kink of a margin loss. */
static double to_kink(const bench *b, int i) {
  double nearest = INFINITY, margin = strcmp(b->loss->name, "perceptron") == 0 ? 0 : 1;
  int y = (int)b->y[i], smooth = (b->loss->flags & LC_SMOOTH) != 0; /* second derivatives may jump at 1 and 2 */
  int largest = strcmp(b->loss->name, "crammer_singer") == 0;
  double own = lc_coding_score(&b->coding, b->z + i, LD, y);
  if (b->loss->flags & LC_LIKELIHOOD) return nearest;
  for (int j = 0; j < b->coding.k; j++) {
    double u = lc_coding_score(&b->coding, b->z + i, LD, j) - own + margin;
    if (j != y) nearest = fmin(nearest, smooth ? fmin(fabs(u), fmin(fabs(u - 1), fabs(u - 2))) : fabs(u));
    for (int l = 0; largest && l < j; l++)
      if (j != y && l != y) nearest = fmin(nearest, fabs(u - (lc_coding_score(&b->coding, b->z + i, LD, l) - own + 1)));
  }
  return nearest;
}

static void test_values(bench *b) {
  compute(b);
  for (int i = 0; i < M; i++) CHECK_NEAR(b->value[i], by_definition(b, i), 1e-13);
}

/* r and s against central differences of the value, away from kinks. */
static void test_derivatives(bench *b) {
  enum { COLUMNS = MOST };
  double h = 1e-5, z[COLUMNS];
  int K = b->coding.K, tried = 0;
  compute(b);
  for (int i = 0; i < M; i++) {
    if (b->coding.mu == 0 && to_kink(b, i) < 10 * h) continue;
    tried++;
    row_of(b, i, z);
    for (int c = 0; c < K; c++) {
      double at = z[c];
      z[c] = at + h;
      double up = value_of(b, i, z);
      z[c] = at - h;
      double down = value_of(b, i, z);
      z[c] = at;
      CHECK_NEAR(b->r[i + c * LD], (up - down) / (2 * h), 2e-9);
      if (!(b->loss->flags & LC_CURVATURE)) continue;
      double r_up[COLUMNS], r_down[COLUMNS];
      z[c] = at + h;
      b->loss->rows(&b->coding, &(lc_loss_block){.m = 1, .z = z, .y = b->y + i, .r = r_up, .ldz = 1, .ldr = 1});
      z[c] = at - h;
      b->loss->rows(&b->coding, &(lc_loss_block){.m = 1, .z = z, .y = b->y + i, .r = r_down, .ldz = 1, .ldr = 1});
      z[c] = at;
      for (int a = 0; a <= c; a++) CHECK_NEAR(b->s[i + lc_packed_at(a, c) * LD], (r_up[a] - r_down[a]) / (2 * h), 2e-9);
    }
  }
  CHECK(tried > M / 2);
}

/* Outputs do not depend on which of them are wanted, and gaps between columns stay as they are. */
static void test_outputs(bench *b) {
  double value[M], r[LD * MOST];
  compute(b);
  b->loss->rows(&b->coding, &(lc_loss_block){.m = M, .z = b->z, .y = b->y, .value = value, .ldz = LD});
  CHECK(memcmp(value, b->value, sizeof value) == 0);
  for (int i = 0; i < LD * MOST; i++) r[i] = -7;
  b->loss->rows(&b->coding, &(lc_loss_block){.m = M, .z = b->z, .y = b->y, .r = r, .ldz = LD, .ldr = LD});
  int same = 1, untouched = 1;
  for (int c = 0; c < MOST; c++)
    for (int i = 0; i < LD; i++) {
      if (c < b->coding.K && i < M)
        same = same && r[i + c * LD] == b->r[i + c * LD];
      else
        untouched = untouched && r[i + c * LD] == -7;
    }
  CHECK(same);
  CHECK(untouched);
  if (!(b->loss->flags & (LC_CURVATURE | LC_SMOOTHABLE))) return;
  static double s[LD * (PAIRS + 1)]; /* second derivatives of a kink that is not rounded are 0 */
  for (int i = 0; i < LD * (PAIRS + 1); i++) s[i] = -7;
  b->loss->rows(&b->coding, &(lc_loss_block){
                                .m = M, .z = b->z, .y = b->y, .r = r, .s = s + LD, .ldz = LD, .ldr = LD, .lds = LD});
  for (int i = 0; i < LD * (PAIRS + 1); i++) {
    int inside = i >= LD && i / LD <= lc_coding_pairs(&b->coding) && i % LD < M;
    untouched = untouched && (s[i] == -7) == !inside;
    if (inside) same = same && s[i] == b->s[i - LD];
  }
  CHECK(same);
  CHECK(untouched);
}

/* Fenchel and Young: value - r'z = -conjugate(r) where r is the derivative at z; for t r it is a lower bound
 * of value - t r'z at every z. */
static void test_dual(bench *b) {
  if (!b->loss->dual) return;
  double conjugate[M], t_r[LD * MOST];
  int K = b->coding.K, below = 1;
  compute(b);
  b->loss->dual(&b->coding, M, b->r, LD, b->y, conjugate);
  for (int i = 0; i < M; i++) {
    double inner = 0;
    for (int c = 0; c < K; c++) inner += b->r[i + c * LD] * b->z[i + c * LD];
    CHECK_NEAR(conjugate[i], b->value[i] - inner, 1e-12);
  }
  for (int step = 0; step <= 10; step++) {
    double t = step / 10.0;
    for (int i = 0; i < LD * MOST; i++) t_r[i] = t * b->r[i];
    b->loss->dual(&b->coding, M, t_r, LD, b->y, conjugate);
    for (int i = 0; i < M; i++) {
      double z[MOST], inner = 0;
      for (int c = 0; c < K; c++) {
        z[c] = 2 * ctest_normal();
        inner += t_r[i + c * LD] * z[c];
      }
      below = below && conjugate[i] <= value_of(b, i, z) - inner + 1e-12;
    }
  }
  CHECK(below);
}

/* A derivative is on the side of its class, and of losses that end in a slope no larger than that. */
static void test_domain(bench *b) {
  if (!b->loss->dual) return;
  double value[M], r[LD * MOST];
  int K = b->coding.K, outside = 1;
  compute(b);
  for (int i = 0; i < LD * MOST; i++) r[i] = b->r[i];
  for (int i = 0; i < M; i++) {
    int own = (int)b->y[i] - b->coding.base, c = b->coding.vector ? 0 : own == 0 ? 1 : 0;
    if (c >= K) continue; /* one column, of the row's own class: what the base class has is the rest */
    r[i + c * LD] = b->coding.vector ? (b->y[i] > 0 ? 0.01 : -0.01) : -0.01;
  }
  b->loss->dual(&b->coding, M, r, LD, b->y, value);
  for (int i = 0; i < M; i++) {
    int own = (int)b->y[i] - b->coding.base, c = b->coding.vector ? 0 : own == 0 ? 1 : 0;
    if (c < K) outside = outside && value[i] == -INFINITY;
  }
  CHECK(outside);
}

static void test_response(bench *b) {
  CHECK((b->loss->response != NULL) == ((b->loss->flags & LC_PROBABILITY) != 0));
  if (!b->loss->response) return;
  double prob[LD * MOST];
  b->loss->response(&b->coding, M, b->z, LD, prob, LD);
  for (int i = 0; i < M; i++) {
    double sum = 0, total = 0;
    for (int j = 0; j < b->coding.k; j++) total += exp(lc_coding_score(&b->coding, b->z + i, LD, j));
    for (int j = 0; j < b->coding.k; j++) {
      sum += prob[i + j * LD];
      CHECK_NEAR(prob[i + j * LD], exp(lc_coding_score(&b->coding, b->z + i, LD, j)) / total, 1e-14);
    }
    CHECK_NEAR(sum, 1, 1e-14);
  }
}

/* Scores far outside the range of exp: value, derivative and probabilities stay right. */
static void test_extremes(bench *b) {
  static const double sizes[] = {800, 1e5, 1e100};
  double prob[LD * MOST];
  for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
    fill(b, 1);
    for (int i = 0; i < M; i++)
      for (int c = 0; c < b->coding.K; c++) b->z[i + c * LD] = ((i + c) % 3 - 1) * sizes[t];
    compute(b);
    int finite = 1;
    for (int i = 0; i < M; i++) {
      int y = (int)b->y[i];
      double own = lc_coding_score(&b->coding, b->z + i, LD, y), largest = 0;
      for (int j = 0; j < b->coding.k; j++) largest = fmax(largest, lc_coding_score(&b->coding, b->z + i, LD, j) - own);
      finite = finite && isfinite(b->value[i]);
      /* log k at most lies between the largest difference and the log-sum of all. */
      if (b->loss->flags & LC_LIKELIHOOD) {
        CHECK(b->value[i] >= largest && b->value[i] <= largest + log(b->coding.k) + 1e-9 * largest);
      }
      for (int c = 0; c < b->coding.K; c++) finite = finite && isfinite(b->r[i + c * LD]);
    }
    CHECK(finite);
    if (!b->loss->response) continue;
    b->loss->response(&b->coding, M, b->z, LD, prob, LD);
    for (int i = 0; i < M; i++) {
      double sum = 0;
      for (int j = 0; j < b->coding.k; j++) sum += prob[i + j * LD];
      CHECK_NEAR(sum, 1, 1e-14);
    }
  }
}

/* Rows whose class leads by far lose next to nothing: to as many digits as others. Leads l_j give e_j = exp(-l_j),
 * probabilities p_j = e_j / (1 + sum), and by Fenchel and Young the dual value is the loss and sum p_j l_j. */
static void test_sure(bench *b) {
  if (!(b->loss->flags & LC_LIKELIHOOD)) return;
  int K = b->coding.K, k = b->coding.k, base = b->coding.vector || b->coding.base;
  double dual[M];
  fill(b, 1);
  for (int i = 0; i < M; i++)
    for (int j = 0; j < k; j++) {
      double score = j == (int)b->y[i] ? 0 : -(3 + 17 * i + 2 * j);
      double first = (int)b->y[i] == 0 ? 0 : -(3 + 17 * i);
      if (j >= base) b->z[i + (j - base) * LD] = base ? score - first : score;
    }
  compute(b);
  b->loss->dual(&b->coding, M, b->r, LD, b->y, dual);
  for (int i = 0; i < M; i++) {
    double p[MOST], sum = 0, along = 0;
    int own = (int)b->y[i];
    for (int j = 0; j < k; j++) sum += p[j] = j == own ? 0 : exp(-(3 + 17 * i + 2 * j));
    CHECK_NEAR(b->value[i] / log1p(sum), 1, 1e-13);
    for (int j = 0; j < k; j++) {
      p[j] /= 1 + sum;
      along += p[j] * (3 + 17 * i + 2 * j);
    }
    CHECK_NEAR(dual[i] / (log1p(sum) + along), 1, 1e-13);
    double wrong = sum / (1 + sum);
    for (int c = 0; c < K; c++) {
      int j = c + base;
      double *r = b->r + i + c * LD, *s = b->s + i + lc_packed_at(c, c) * LD;
      double q = j == own ? wrong : p[j];
      CHECK_NEAR(*r / (j == own ? -wrong : p[j]), 1, 1e-13);
      CHECK_NEAR(*s / (q * (1 - q)), 1, 1e-12);
    }
  }
}

static void test_classify(bench *b) {
  int winner[M];
  double w[M], count = 0;
  for (int i = 0; i < M; i++) w[i] = 1 + i % 3;
  fill(b, 1);
  for (int c = 0; c < b->coding.K; c++) b->z[1 + c * LD] = 0; /* all tie: the first class */
  b->z[2] = NAN;
  lc_coding_classify(&b->coding, M, b->z, LD, winner);
  for (int i = 0; i < M; i++) {
    int best = 0, missing = 0, mistake = 0, y = (int)b->y[i];
    for (int j = 0; j < b->coding.k; j++) {
      double score = lc_coding_score(&b->coding, b->z + i, LD, j);
      missing = missing || isnan(score);
      if (score > lc_coding_score(&b->coding, b->z + i, LD, best)) best = j;
      if (j != y && !(score < lc_coding_score(&b->coding, b->z + i, LD, y))) mistake = 1;
    }
    CHECK(winner[i] == (missing ? -1 : best));
    count += mistake ? w[i] : 0;
  }
  CHECK(lc_coding_mistakes(&b->coding, M, b->z, LD, b->y, w) == count);
}

/* The rounded kink lies above the loss by at most mu for each wrong class, and tends to it. */
static void test_smooth(bench *b) {
  if (!(b->loss->flags & LC_SMOOTHABLE)) return;
  double sharp[M];
  fill(b, 1);
  compute(b);
  memcpy(sharp, b->value, sizeof sharp);
  static const double mus[] = {0.5, 1e-2, 1e-8};
  for (int t = 0; t < 3; t++) {
    b->coding.mu = mus[t];
    if (mus[t] > 0.1) test_derivatives(b);
    compute(b);
    for (int i = 0; i < M; i++)
      CHECK(b->value[i] >= sharp[i] && b->value[i] <= sharp[i] + mus[t] * (b->coding.k - 1) * (1 + 1e-12));
  }
  b->coding.mu = 0;
}

/* Where all scores are 0 each class is wrong about the others: derivatives of ties are those of mistakes, and the
 * curvature is the largest that there is, up to softmax's, whose bound is for any number of classes. */
static void test_at_zero(bench *b) {
  enum { STEPS = 60 };
  int K = b->coding.K, k = b->coding.k, base = b->coding.vector || b->coding.base;
  int likelihood = (b->loss->flags & LC_LIKELIHOOD) != 0, largest = strcmp(b->loss->name, "crammer_singer") == 0;
  const double h = 1e-6;
  memset(b->z, 0, sizeof b->z);
  for (int i = 0; i < M; i++) b->y[i] = i % k;
  compute(b);
  for (int i = 0; i < M; i++) {
    int own = (int)b->y[i];
    double sum = 0;
    for (int c = 0; c < K && !(largest && k > 2); c++) { /* a tie of the perceptron is a mistake: the slope above it */
      int tie = (b->loss->flags & LC_SCALE_FREE) != 0, wrong = (b->coding.vector ? 1 : c + base) != own;
      double ends[2];
      for (int e = 0; e < 2; e++) {
        b->z[i + c * LD] = e ? (tie && !wrong ? 0 : h) : (tie && wrong ? 0 : -h);
        ends[e] = by_definition(b, i);
      }
      b->z[i + c * LD] = 0;
      CHECK_NEAR(b->r[i + c * LD], (ends[1] - ends[0]) / (tie ? h : 2 * h), 1e-5);
    }
    for (int c = 0; c < K; c++) sum += b->r[i + c * LD];
    if (K == k) CHECK_NEAR(sum, 0, 1e-15);
  }
  if (!(b->loss->flags & LC_CURVATURE)) return;
  double v[MOST], size = 0, bound = lc_coding_bound(b->loss, &b->coding);
  for (int c = 0; c < K; c++) v[c] = 1 + 0.3 * ctest_normal();
  for (int step = 0; step < STEPS; step++) { /* of the first row, by powers */
    double next[MOST] = {0}, norm = 0;
    for (int a = 0; a < K; a++)
      for (int c = 0; c < K; c++) next[a] += b->s[lc_packed_at(a < c ? a : c, a < c ? c : a) * LD] * v[c];
    for (int c = 0; c < K; c++) norm += next[c] * next[c];
    size = sqrt(norm);
    for (int c = 0; c < K; c++) v[c] = next[c] / size;
  }
  CHECK(size <= bound * (1 + 1e-12));
  if (!likelihood && !b->coding.base) CHECK_NEAR(size, bound, 1e-9);
  if (likelihood && k == 2) CHECK(size >= 0.49 * bound);
}

/* Scores that are no numbers have no loss; rows of a long block are rows. */
static void test_long_blocks(bench *b) {
  enum { LONG = 700 };
  static double z[LONG * MOST], y[LONG], value[LONG], r[LONG * MOST], s[LONG * PAIRS];
  int K = b->coding.K, curved = (b->loss->flags & LC_CURVATURE) != 0, same = 1, missing = 1;
  for (int i = 0; i < LONG * K; i++) z[i] = 2 * ctest_normal();
  for (int i = 0; i < LONG; i++) y[i] = (int)(ctest_uniform() * b->coding.k);
  for (int c = 0; c < K; c++) z[3 + c * LONG] = z[650 + c * LONG] = NAN;
  lc_loss_block rows = {.m = LONG, .z = z, .y = y, .value = value, .r = r, .s = curved ? s : NULL};
  rows.ldz = rows.ldr = rows.lds = LONG;
  b->loss->rows(&b->coding, &rows);
  for (int i = 0; i < LONG; i++) {
    double one[MOST], own_value, own_r[MOST], own_s[PAIRS];
    for (int c = 0; c < K; c++) one[c] = z[i + c * LONG];
    b->loss->rows(&b->coding, &(lc_loss_block){.m = 1,
                                               .z = one,
                                               .y = y + i,
                                               .value = &own_value,
                                               .r = own_r,
                                               .s = curved ? own_s : NULL,
                                               .ldz = 1,
                                               .ldr = 1,
                                               .lds = 1});
    if (i == 3 || i == 650) {
      missing = missing && isnan(value[i]) && isnan(own_value);
      for (int c = 0; c < K; c++) missing = missing && isnan(r[i + c * LONG]);
      continue;
    }
    same = same && fabs(value[i] - own_value) <= 1e-14 * fmax(1, own_value);
    for (int c = 0; c < K; c++) same = same && fabs(r[i + c * LONG] - own_r[c]) <= 1e-14;
    for (int c = 0; curved && c < lc_coding_pairs(&b->coding); c++)
      same = same && fabs(s[i + c * LONG] - own_s[c]) <= 1e-14;
  }
  CHECK(same);
  CHECK(missing);
  for (int i = 0; b->loss->dual && i < LONG * K; i++) r[i] *= 0.5; /* inside the domain */
  if (b->loss->dual) b->loss->dual(&b->coding, LONG, r, LONG, y, value);
  for (int i = 0; b->loss->dual && i < LONG; i++) {
    double one[MOST], own;
    for (int c = 0; c < K; c++) one[c] = r[i + c * LONG];
    b->loss->dual(&b->coding, 1, one, 1, y + i, &own);
    same = same && (isfinite(own) ? fabs(value[i] - own) <= 1e-13 : i == 3 || i == 650);
  }
  CHECK(same);
}

/* Far on the side of no loss a rounded ramp has mu^2 / |u| to all digits; the largest of ramps has no dual value where
 * its shares sum to more than 1. */
static void test_ramps(void) {
  const lc_loss *hinge = lc_loss_find("hinge"), *largest = lc_loss_find("crammer_singer");
  lc_coding coding;
  double z = 1e6, y = 1, value, one;
  CHECK(lc_coding_make(hinge, 2, 0, &coding) == LC_OK);
  coding.mu = 1e-3;
  hinge->rows(&coding, &(lc_loss_block){.m = 1, .z = &z, .y = &y, .value = &value, .ldz = 1});
  CHECK_NEAR(value / (1e-6 / (1e6 - 1)), 1, 1e-12);
  CHECK(lc_coding_make(largest, 3, 0, &coding) == LC_OK);
  const double inside[] = {0.5, -1, 0.5}, outside[] = {0.6, -1.1, 0.5}, own = 1;
  largest->dual(&coding, 1, inside, 1, &own, &one);
  CHECK_NEAR(one, 1, 1e-15);
  largest->dual(&coding, 1, outside, 1, &own, &one);
  CHECK(one == -INFINITY);
}

/* The lion, the tiger and the leopard of the vignette: columns are classes. */
static void test_worked(void) {
  static const double z[] = {5.6, -1.8, 2.0, 6.4, 10.2, 5.4, -4.6, 3.5, -8.6}, y[] = {0, 1, 2};
  static const struct {
    const char *name;
    double value[3], within;
  } cases[] = {{"perceptron", {0.8, 0, 24.6}, 1e-14},
               {"hinge", {1.8, 0, 26.6}, 1e-14},
               {"squared_hinge", {3.24, 0, 359.56}, 1e-14},
               {"huber_hinge", {1.3, 0, 25.6}, 1e-14},
               {"crammer_singer", {1.8, 0, 15.0}, 1e-14},
               {"softmax", {1.1711, 0.0012, 14.0328}, 6e-5}};
  for (int t = 0; t < 6; t++) {
    const lc_loss *loss = lc_loss_find(cases[t].name);
    lc_coding coding;
    double value[3];
    CHECK(lc_coding_make(loss, 3, 0, &coding) == LC_OK);
    loss->rows(&coding, &(lc_loss_block){.m = 3, .z = z, .y = y, .value = value, .ldz = 3});
    CHECK(ctest_distance(3, value, cases[t].value) <= cases[t].within);
  }
}

void test_loss(void) {
  ctest_seed(4);
  CHECK(lc_loss_find("no such loss") == NULL);
  for (int l = 0; l < lc_loss_count; l++) {
    const lc_loss *loss = &lc_losses[l];
    CHECK(lc_loss_find(loss->name) == loss);
    lc_coding coding;
    CHECK(lc_coding_make(loss, 1, 0, &coding) == LC_INVALID);
    CHECK(lc_coding_make(loss, loss->most_classes + 1, 0, &coding) == LC_INVALID);
    for (int k = 2; k <= lc_min(loss->most_classes, MOST); k++)
      for (int reference = 0; reference < 2; reference++) {
        static bench b;
        b.loss = loss;
        CHECK(lc_coding_make(loss, k, reference, &b.coding) == LC_OK);
        CHECK(b.coding.K == (k == 2 && loss->vector_form ? 1 : k - reference));
        fill(&b, 1.5);
        test_values(&b);
        test_derivatives(&b);
        test_outputs(&b);
        test_dual(&b);
        test_domain(&b);
        test_response(&b);
        test_sure(&b);
        test_classify(&b);
        test_smooth(&b);
        test_extremes(&b);
        test_at_zero(&b);
        test_long_blocks(&b);
      }
  }
  test_worked();
  test_ramps();
}
