/* problem/loss.c - the losses: value, derivative, curvature, dual term and response of each, and their table.
 * To add a loss write its functions and add one row to lc_losses[] at the end of this file. */
#include "problem/loss.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"

enum { CHUNK = 256 }; /* rows that the vectorised losses hold in scratch on the stack */

/* Class code of a row. */
static int code(const double *y, int i) { return (int)y[i]; }

/* The rows of a block from row i on, CHUNK at most. */
static lc_loss_block rows_from(const lc_loss_block *block, int i) {
  lc_loss_block part = *block;
  part.m = block->m - i < CHUNK ? block->m - i : CHUNK;
  part.z += i;
  part.y += i;
  if (part.value) part.value += i;
  if (part.r) part.r += i;
  if (part.s) part.s += i;
  return part;
}

/* ---- logistic: log(1 + exp(-s z)), s = +-1 -------------------------------------------------------- */

/* With t = -s z: value = log(1 + e^t), derivative = -s / (1 + e^-t); no digits cancel for either class. */
static void logistic_rows(const lc_coding *coding, const lc_loss_block *block) {
  (void)coding;
  double t[CHUNK];
  for (int i0 = 0; i0 < block->m; i0 += CHUNK) {
    lc_loss_block part = rows_from(block, i0);
    /* With codes 0 and 1 the sign is arithmetic: a branch on random labels would be mispredicted half the time. */
    for (int i = 0; i < part.m; i++) t[i] = (1 - 2 * part.y[i]) * part.z[i];
    lc_kernels()->logistic(part.m, t, part.value, part.r, part.s);
    if (part.r)
      for (int i = 0; i < part.m; i++) part.r[i] *= 1 - 2 * part.y[i];
  }
}

/* Sums of derivatives leave their domain by as much through rounding. */
static const double rounding = 1e-14;

/* -q log q, 0 at 0; -Inf outside the domain. */
static double entropy_by(double q, double log_q) { return q > 0 ? -q * log_q : q < -rounding ? -INFINITY : 0; }
static double entropy(double q) { return entropy_by(q, q > 0 ? log(q) : 0); }

/* The same at 1 - wrong, to all digits where next to nothing is wrong. */
static double entropy_of_rest(double wrong) { return wrong < 1 ? -(1 - wrong) * log1p(-wrong) : entropy(1 - wrong); }

/* |r| is the probability of the wrong class. */
static void logistic_dual(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y,
                          double *value) {
  (void)coding;
  (void)ldr;
  double q[2 * CHUNK], log_q[2 * CHUNK];
  for (int i0 = 0; i0 < m; i0 += CHUNK) {
    int rows = m - i0 < CHUNK ? m - i0 : CHUNK;
    for (int i = 0; i < rows; i++) {
      q[i] = r[i0 + i] * (1 - 2 * y[i0 + i]);
      q[CHUNK + i] = 1 - q[i];
    }
    lc_kernels()->log(rows, q, log_q);
    lc_kernels()->log(rows, q + CHUNK, log_q + CHUNK);
    for (int i = 0; i < rows; i++) {
      double rest = q[CHUNK + i], lost = (1 - rest) - q[i]; /* 1 - q is rest + lost: all digits where q is next to 0 */
      if (rest > 0) log_q[CHUNK + i] += lost / rest;
      value[i0 + i] = entropy_by(q[i], log_q[i]) + entropy_by(rest, log_q[CHUNK + i]);
    }
  }
}

static void logistic_response(const lc_coding *coding, int m, const double *z, lc_index ldz, double *prob,
                              lc_index ldp) {
  (void)coding;
  (void)ldz;
  for (int i = 0; i < m; i++) {
    double minus = -z[i], plus = z[i];
    lc_kernels()->logistic(1, &minus, NULL, prob + i, NULL);
    lc_kernels()->logistic(1, &plus, NULL, prob + i + ldp, NULL);
  }
}

/* ---- softmax: log sum_j exp(z_j) - z_y ------------------------------------------------------------- */

/* s_ab = -p_a p_b, s_aa = p_a sum_{b != a} p_b as the sums before and after a: no 1 - p that would cancel. */
static void softmax_curvature(const lc_coding *coding, int m, const double *p, lc_index ldp, const double *base_prob,
                              double *s, lc_index lds) {
  double rest[CHUNK];
  for (int i = 0; i < m; i++) rest[i] = coding->base ? base_prob[i] : 0;
  for (int b = 0; b < coding->K; b++) {
    const double *restrict pb = p + b * ldp;
    double *restrict sbb = s + lc_packed_at(b, b) * lds;
    for (int a = 0; a < b; a++) {
      const double *pa = p + a * ldp;
      double *restrict sab = s + lc_packed_at(a, b) * lds;
      for (int i = 0; i < m; i++) sab[i] = -pa[i] * pb[i];
    }
    for (int i = 0; i < m; i++) {
      sbb[i] = pb[i] * rest[i];
      rest[i] += pb[i];
    }
  }
  for (int i = 0; i < m; i++) rest[i] = 0;
  for (int b = coding->K; b-- > 0;) {
    const double *restrict pb = p + b * ldp;
    double *restrict sbb = s + lc_packed_at(b, b) * lds;
    for (int i = 0; i < m; i++) {
      sbb[i] += pb[i] * rest[i];
      rest[i] += pb[i];
    }
  }
}

/* A block of CHUNK rows at most. */
static void softmax_some(const lc_coding *coding, const lc_loss_block *block) {
  const lc_kernel *kernels = lc_kernels();
  double base_prob[CHUNK];
  int m = block->m, K = coding->K, base = coding->base;
  kernels->softmax(m, K, base, block->z, block->ldz, block->y, block->value, block->r, block->ldr, base_prob);
  if (block->s) softmax_curvature(coding, m, block->r, block->ldr, base_prob, block->s, block->lds);
  if (block->r) kernels->less_class(m, K, base, block->y, base_prob, block->r, block->ldr);
}

static void softmax_rows(const lc_coding *coding, const lc_loss_block *block) {
  for (int i = 0; i < block->m; i += CHUNK) {
    lc_loss_block part = rows_from(block, i);
    softmax_some(coding, &part);
  }
}

/* With q = e_y + r the conjugate is sum_j q_j log q_j. */
static void softmax_dual(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y,
                         double *value) {
  double q[CHUNK], log_q[CHUNK], wrong[CHUNK], base[CHUNK];
  for (int i0 = 0; i0 < m; i0 += CHUNK) {
    int rows = m - i0 < CHUNK ? m - i0 : CHUNK;
    memset(value + i0, 0, (size_t)rows * sizeof *value);
    memset(wrong, 0, sizeof wrong);
    memset(base, 0, sizeof base);
    for (int c = coding->K; c-- > -coding->base;) { /* the class without a score column last: minus the others' sum */
      for (int i = 0; i < rows; i++) {
        double part = c < 0 ? base[i] : r[i0 + i + c * ldr];
        base[i] -= part;
        q[i] = c + coding->base == code(y, i0 + i) ? 0 : part;
        wrong[i] += q[i];
      }
      lc_kernels()->log(rows, q, log_q);
      for (int i = 0; i < rows; i++) value[i0 + i] += entropy_by(q[i], log_q[i]);
    }
    for (int i = 0; i < rows; i++) value[i0 + i] += entropy_of_rest(wrong[i]);
  }
}

static void softmax_response(const lc_coding *coding, int m, const double *z, lc_index ldz, double *prob,
                             lc_index ldp) {
  lc_kernels()->softmax(m, coding->K, coding->base, z, ldz, NULL, NULL, prob + coding->base * ldp, ldp, prob);
}

/* ---- margin losses: sum over j != y of phi(z_j - z_y + margin) -------------------------------------- */

/* phi, its derivative and its second derivative at a violation u. */
typedef struct deriv2 {
  double value, first, second;
} deriv2;
typedef deriv2 (*bend_fn)(double u, double mu);

/* The comparisons in phi would make 0 of NaN. */
static deriv2 deriv2_at(bend_fn phi, double u, double mu) { return isnan(u) ? (deriv2){u, u, u} : phi(u, mu); }

/* max(0, u), derivative 0 at the kink. With mu > 0 its smooth version (u + sqrt(u^2 + 4 mu^2)) / 2 of Chen,
 * Harker, Kanzow and Smale: above the ramp by at most mu, derivative in (0, 1), curvature everywhere, which is
 * what keeps Newton steps short of jumps; it follows the central path of an interior point method. */
static deriv2 ramp(double u, double mu) {
  deriv2 out = {u > 0 ? u : 0, u > 0, 0};
  if (mu > 0) {
    double root = fabs(u) < 1e150 ? sqrt(u * u + 4 * mu * mu) : fabs(u); /* hypot() is a slow call */
    out.value = u > 0 ? (root + u) / 2 : 2 * mu * (mu / (root - u));     /* no cancellation on either side */
    out.first = out.value / root;
    out.second = 2 * (mu / root) * (mu / root) / root;
  }
  return out;
}

/* Training counts a tie as a mistake: with derivative 0 there a fit could not leave W = 0. mu > 0 is a lead that
 * classes are to have, for a perceptron with margin. */
static deriv2 ramp_with_ties(double u, double mu) {
  u += mu;
  deriv2 out = {u > 0 ? u : 0, u >= 0, 0};
  return out;
}

static deriv2 square(double u, double mu) {
  (void)mu;
  deriv2 out = {u > 0 ? u * u : 0, u > 0 ? 2 * u : 0, u > 0 ? 2 : 0};
  return out;
}

/* Squares that go on as lines, so that an outlier pulls no harder than at a slope of 1 (Huber's loss of one side). The
 * curvature at u = 1, where all rows are at W = 0, is that of the square: Newton's method would else see none. */
static deriv2 huber(double u, double mu) {
  (void)mu;
  deriv2 out = {u <= 0 ? 0 : u < 1 ? u * u / 2 : u - 0.5, u <= 0 ? 0 : u < 1 ? u : 1, u > 0 && u <= 1};
  return out;
}

/* Row i of a block with a score for each class. */
static double margin_row(const lc_coding *coding, bend_fn phi, double margin, const lc_loss_block *block, int i) {
  const double *z = block->z + i;
  double *r = block->r ? block->r + i : NULL, *s = block->s ? block->s + i : NULL;
  lc_index ldz = block->ldz, ldr = block->ldr, lds = block->lds;
  int y = code(block->y, i), base = coding->base, cy = y - base;
  double own = lc_coding_score(coding, z, ldz, y), value = 0;
  for (int c = 0; r && c < coding->K; c++) r[c * ldr] = 0;
  for (int c = 0; s && c < lc_coding_pairs(coding); c++) s[c * lds] = 0;
  for (int j = 0; j < coding->k; j++) {
    if (j == y) continue;
    deriv2 b = deriv2_at(phi, lc_coding_score(coding, z, ldz, j) - own + margin, coding->mu);
    int c = j - base;
    value += b.value;
    if (r && c >= 0) r[c * ldr] += b.first;
    if (r && cy >= 0) r[cy * ldr] -= b.first;
    if (!s || b.second == 0) continue; /* adds second * (e_j - e_y)(e_j - e_y)' */
    if (c >= 0) s[lc_packed_at(c, c) * lds] += b.second;
    if (cy >= 0) s[lc_packed_at(cy, cy) * lds] += b.second;
    if (c >= 0 && cy >= 0) s[lc_packed_at(c < cy ? c : cy, c < cy ? cy : c) * lds] -= b.second;
  }
  return value;
}

static void margin_rows(const lc_coding *coding, bend_fn phi, double margin, const lc_loss_block *block) {
  for (int i = 0; i < block->m; i++) {
    double value;
    if (coding->vector) {
      double sign = block->y[i] > 0 ? 1 : -1;
      deriv2 b = deriv2_at(phi, margin - sign * block->z[i], coding->mu);
      value = b.value;
      if (block->r) block->r[i] = -sign * b.first;
      if (block->s) block->s[i] = b.second;
    } else {
      value = margin_row(coding, phi, margin, block, i);
    }
    if (block->value) block->value[i] = value;
  }
}

/* margin a - phi*(a) for phi* = share a^2 on 0 <= a <= slope, the largest derivative of phi: share 1/4 for squares,
 * 0 with slope 1 for ramps. */
static double margin_term(double share, double slope, double a) {
  return a < -rounding || a > slope + rounding ? -INFINITY : a - share * a * a;
}

/* The sum of that over the classes j != y, a_j the derivative for class j. */
static void margin_dual(const lc_coding *coding, double share, double slope, int m, const double *r, lc_index ldr,
                        const double *y, double *value) {
  for (int i = 0; i < m; i++) {
    double sum = 0, base = 0;
    int own = code(y, i) - coding->base;
    for (int c = 0; c < coding->K; c++) {
      double a = coding->vector ? r[i] * (1 - 2 * y[i]) : r[i + c * ldr];
      base -= a;
      if (coding->vector || c != own) sum += margin_term(share, slope, a);
    }
    if (coding->base && own >= 0) sum += margin_term(share, slope, base);
    value[i] = sum;
  }
}

#define LC_MARGIN_LOSS(name, phi, margin)                                        \
  static void name##_rows(const lc_coding *coding, const lc_loss_block *block) { \
    margin_rows(coding, phi, margin, block);                                     \
  }
LC_MARGIN_LOSS(perceptron, ramp_with_ties, 0)
LC_MARGIN_LOSS(hinge, ramp, 1)
LC_MARGIN_LOSS(squared_hinge, square, 1)
LC_MARGIN_LOSS(huber_hinge, huber, 1)
#undef LC_MARGIN_LOSS

static void hinge_dual(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y, double *value) {
  margin_dual(coding, 0, 1, m, r, ldr, y, value);
}
static void squared_hinge_dual(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y,
                               double *value) {
  margin_dual(coding, 0.25, INFINITY, m, r, ldr, y, value);
}

static void huber_hinge_dual(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y,
                             double *value) {
  margin_dual(coding, 0.5, 1, m, r, ldr, y, value);
}

/* ---- the hinge of Crammer and Singer (2001): max over j of z_j - z_y + 1{j != y} ---------------------- */

/* With v_j = z_j + 1{j != y} and mu > 0 the maximum is rounded to t - mu, where
 *   sum_j mu / (t - v_j) = 1,  t > max v:
 * convex, since 1 / (t - v_j) is convex in both, above the maximum by at most mu (k - 1), with a derivative in the open
 * simplex; two classes give the ramp of Chen, Harker, Kanzow and Smale. */
typedef struct rounded_max {
  int top;               /* a class with the largest v, its own first */
  double most, s, w, t3; /* v there; t - most; sums of 1 / d^2 and 1 / d^3 over classes, d_j = t - v_j, in units of s */
} rounded_max;

static double raised_score(const lc_coding *coding, const lc_loss_block *block, int i, int j) {
  return lc_coding_score(coding, block->z + i, block->ldz, j) + (j != code(block->y, i));
}

static rounded_max find_max(const lc_coding *coding, const lc_loss_block *block, int i) {
  rounded_max out = {.top = code(block->y, i), .s = 0};
  out.most = raised_score(coding, block, i, out.top);
  for (int j = 0; j < coding->k; j++) {
    double v = raised_score(coding, block, i, j);
    if (v > out.most || isnan(v)) {
      out.top = j;
      out.most = v;
    }
    if (isnan(v)) break;
  }
  return out;
}

/* s of the equation, from below: 1 / sum_j mu / (s + e_j), e_j = most - v_j, is increasing and concave in s, so that
 * Newton's steps for its value 1 do not pass it. */
static void solve_max(const lc_coding *coding, const lc_loss_block *block, int i, rounded_max *out) {
  enum { STEPS = 60 };
  double mu = coding->mu, s = mu;
  for (int step = 0; step < STEPS; step++) {
    double sum = 0, slope = 0;
    for (int j = 0; j < coding->k; j++) {
      double d = s + (out->most - raised_score(coding, block, i, j));
      sum += mu / d;
      slope += mu / d / d;
    }
    double next = s + sum * (sum - 1) / slope;
    if (!(next > s * (1 + 4e-16))) break;
    s = next;
  }
  out->s = s;
  out->w = out->t3 = 0;
  for (int j = 0; j < coding->k; j++) {
    double share = s / (s + (out->most - raised_score(coding, block, i, j)));
    out->w += share * share;
    out->t3 += share * share * share;
  }
}

/* Share of class j in the derivative of the maximum, and in *cube c_j = 1 / d_j^3 over sum 1 / d^2, both times s. */
static double max_share(const lc_coding *coding, const lc_loss_block *block, int i, const rounded_max *at, int j,
                        double *cube) {
  if (coding->mu == 0) return j == at->top;
  double share = at->s / (at->s + (at->most - raised_score(coding, block, i, j)));
  *cube = share * share * share / at->w;
  return share * share / at->w;
}

/* t - mu - v_top without cancellation: s times the part that other classes have in the sum of the equation. */
static double max_excess(const lc_coding *coding, const lc_loss_block *block, int i, const rounded_max *at) {
  double others = 0;
  for (int j = 0; j < coding->k; j++)
    if (j != at->top) others += coding->mu / (at->s + (at->most - raised_score(coding, block, i, j)));
  return at->s * others;
}

/* Second derivatives of t by v: 2 / s (c_a 1{a = b} - c_a p_b - p_a c_b + p_a p_b sum c). */
static void max_curvature(const lc_coding *coding, const lc_loss_block *block, int i, const rounded_max *at) {
  double sum = at->t3 / at->w, cube_a = 0, cube_b = 0;
  for (int b = 0; b < coding->K; b++) {
    double p_b = max_share(coding, block, i, at, b + coding->base, &cube_b);
    for (int a = 0; a <= b; a++) {
      double p_a = max_share(coding, block, i, at, a + coding->base, &cube_a);
      double h = (a == b ? cube_a : 0) - cube_a * p_b - p_a * cube_b + p_a * p_b * sum;
      block->s[i + lc_packed_at(a, b) * block->lds] = 2 / at->s * h;
    }
  }
}

static double max_row(const lc_coding *coding, const lc_loss_block *block, int i) {
  rounded_max at = find_max(coding, block, i);
  int own = code(block->y, i), cy = own - coding->base;
  double own_score = lc_coding_score(coding, block->z + i, block->ldz, own), others = 0, unused;
  if (isnan(at.most)) at.s = NAN;
  if (coding->mu > 0 && !isnan(at.most)) solve_max(coding, block, i, &at);
  for (int j = 0; block->r && j < coding->k; j++) {
    double share = isnan(at.most) ? NAN : max_share(coding, block, i, &at, j, &unused);
    if (j != own) others += share;
    if (j - coding->base >= 0 && j != own) block->r[i + (j - coding->base) * block->ldr] = share;
  }
  if (block->r && cy >= 0) block->r[i + cy * block->ldr] = -others;
  if (block->s && coding->mu > 0) max_curvature(coding, block, i, &at);
  return at.most - own_score + (coding->mu > 0 ? max_excess(coding, block, i, &at) : 0);
}

static void crammer_singer_rows(const lc_coding *coding, const lc_loss_block *block) {
  if (coding->vector) {
    hinge_rows(coding, block);
    return;
  }
  for (int s = 0; block->s && coding->mu == 0 && s < lc_coding_pairs(coding); s++)
    memset(block->s + s * block->lds, 0, (size_t)block->m * sizeof(double));
  for (int i = 0; i < block->m; i++) {
    double value = max_row(coding, block, i);
    if (block->value) block->value[i] = value;
  }
}

/* The conjugate at the derivatives a_j of wrong classes is minus their sum, which is at most 1. */
static void crammer_singer_dual(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y,
                                double *value) {
  for (int i = 0; i < m; i++) {
    double sum = 0, base = 0;
    int own = code(y, i) - coding->base, outside = 0;
    for (int c = 0; c < coding->K; c++) {
      double a = coding->vector ? r[i] * (1 - 2 * y[i]) : r[i + c * ldr];
      base -= a;
      if (!coding->vector && c == own) continue;
      sum += a;
      outside |= !(a >= -rounding);
    }
    if (coding->base && own >= 0) {
      sum += base;
      outside |= !(base >= -rounding);
    }
    value[i] = outside || !(sum <= 1 + coding->k * rounding) ? -INFINITY : sum;
  }
}

/* ---- the table ------------------------------------------------------------------------------------- */

const lc_loss lc_losses[] = {
    {"logistic", "logistic (binomial log-likelihood)",
     LC_PROBABILITY | LC_LIKELIHOOD | LC_SMOOTH | LC_CURVATURE | LC_HESSIAN | LC_DUAL, 2, 1, 0.25, logistic_rows,
     logistic_dual, logistic_response},
    {"softmax", "softmax (multinomial log-likelihood)",
     LC_PROBABILITY | LC_LIKELIHOOD | LC_SMOOTH | LC_CURVATURE | LC_HESSIAN | LC_DUAL | LC_MULTINOMIAL, LC_MOST_CLASSES,
     0, 0.5, softmax_rows, softmax_dual, softmax_response},
    {"hinge", "hinge (linear support vector machine)", LC_DUAL | LC_SMOOTHABLE | LC_RAMPS, LC_MOST_CLASSES, 1, 1,
     hinge_rows, hinge_dual, NULL},
    {"squared_hinge", "squared hinge", LC_SMOOTH | LC_CURVATURE | LC_HESSIAN | LC_DUAL, LC_MOST_CLASSES, 1, 2,
     squared_hinge_rows, squared_hinge_dual, NULL},
    {"huber_hinge", "Huberised hinge", LC_SMOOTH | LC_CURVATURE | LC_HESSIAN | LC_DUAL, LC_MOST_CLASSES, 1, 1,
     huber_hinge_rows, huber_hinge_dual, NULL},
    {"crammer_singer", "hinge of Crammer and Singer", LC_DUAL | LC_SMOOTHABLE | LC_LARGEST_RAMP, LC_MOST_CLASSES, 1, 1,
     crammer_singer_rows, crammer_singer_dual, NULL},
    {"perceptron", "perceptron", LC_SCALE_FREE, LC_MOST_CLASSES, 1, 1, perceptron_rows, NULL, NULL},
};
const int lc_loss_count = (int)(sizeof lc_losses / sizeof lc_losses[0]);

const lc_loss *lc_loss_find(const char *name) {
  for (int i = 0; i < lc_loss_count; i++)
    if (strcmp(lc_losses[i].name, name) == 0) return &lc_losses[i];
  return NULL;
}

lc_status lc_coding_of(const lc_loss *loss, int k, int K, lc_coding *out) {
  out->k = k;
  out->K = K;
  out->mu = 0;
  out->vector = k == 2 && K == 1 && loss->vector_form;
  out->base = K == k - 1 && !out->vector;
  if (k < 2 || k > loss->most_classes) return LC_INVALID;
  if (loss->vector_form && loss->most_classes == 2 && !out->vector) return LC_INVALID;
  return out->vector || out->base || K == k ? LC_OK : LC_INVALID;
}

lc_status lc_coding_make(const lc_loss *loss, int k, int reference, lc_coding *out) {
  int vector = k == 2 && loss->vector_form;
  return lc_coding_of(loss, k, vector ? 1 : reference ? k - 1 : k, out);
}

/* A sum over k - 1 wrong classes of bend (e_j - e_y)(e_j - e_y)' has largest eigenvalue bend k. Softmax is bounded
 * by its bend for any k (Boehning 1992). */
double lc_coding_bound(const lc_loss *loss, const lc_coding *coding) {
  return coding->vector || (loss->flags & LC_LIKELIHOOD) ? loss->deriv2 : loss->deriv2 * coding->k;
}

/* A vector link scores its classes 0 and z: the winner is the second when z > 0. */
double lc_coding_mistakes(const lc_coding *coding, int m, const double *z, lc_index ldz, const double *y,
                          const double *w) {
  double count = 0;
  for (int i = 0; i < m; i++) {
    int own = code(y, i), wrong = 0;
    double score = lc_coding_score(coding, z + i, ldz, own);
    for (int j = 0; j < coding->k && !wrong; j++) wrong = j != own && !(lc_coding_score(coding, z + i, ldz, j) < score);
    if (wrong) count += w ? w[i] : 1;
  }
  return count;
}

void lc_coding_classify(const lc_coding *coding, int m, const double *z, lc_index ldz, int *out) {
  for (int i = 0; i < m; i++) {
    double best = lc_coding_score(coding, z + i, ldz, 0);
    int winner = 0, missing = isnan(best);
    for (int j = 1; j < coding->k; j++) {
      double score = lc_coding_score(coding, z + i, ldz, j);
      missing |= isnan(score);
      if (score > best) {
        best = score;
        winner = j;
      }
    }
    out[i] = missing ? -1 : winner;
  }
}
