/* Tests of the objective's verbs of columns and of the halves of a gap, against whole evaluations and definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_columns(void);

enum { N = 57, COLUMNS = 5, Q = COLUMNS + 1, CLASSES = 3, MOST = Q * CLASSES, PAIRS = 6 };

static void start(ctest_problem *t, const lc_design *x, const double *B, int want, lc_objective *obj) {
  CHECK(lc_objective_init(obj, x, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
  CHECK(lc_objective_eval(obj, B, want) == LC_OK);
  lc_objective_accept(obj);
}

/* A move of two rows is an evaluation at the moved coefficients, whatever was tried before; residuals give the gradient
 * by columns. */
static void test_move(ctest_problem *t, const lc_design *x, const double *B) {
  int K = t->coding.K, intercept = x->intercept;
  lc_index q = t->q, moved[] = {q - 1, 0}, refused = 1, rows[Q];
  double to[MOST], D[2 * CLASSES], R[N * CLASSES], same[N * CLASSES], c[MOST];
  lc_objective obj, whole;
  start(t, x, B, LC_WANT_GRADIENT, &obj);
  memcpy(to, B, sizeof to);
  for (int k = 0; k < K; k++) D[k] = 1 + ctest_uniform();
  for (int twice = 0; twice < 2; twice++) CHECK(lc_objective_move(&obj, 1, &refused, D, R) == LC_OK);
  for (int k = 0; k < K; k++)
    for (int v = 0; v < 2; v++) to[k * q + moved[v]] += D[v + 2 * k] = 0.3 * ctest_normal();
  double passes = obj.passes;
  CHECK(lc_objective_move(&obj, 2, moved, D, R) == LC_OK);
  CHECK_NEAR(obj.passes - passes, 2.0 / (double)q, 1e-12);
  start(t, x, to, LC_WANT_GRADIENT, &whole);
  CHECK(memcmp(obj.at.B, B, (size_t)(q * K) * sizeof *B) == 0);
  CHECK(ctest_distance(q * K, obj.to.B, whole.at.B) < 1e-14);
  CHECK(ctest_distance(t->n * K, obj.to.Z, whole.at.Z) < 1e-13);
  CHECK_NEAR(obj.to.loss, whole.at.loss, 1e-13);
  CHECK_NEAR(obj.to.value, whole.at.value, 1e-13);
  lc_objective_accept(&obj);
  CHECK(lc_objective_residuals(&obj, NULL, same) == LC_OK);
  CHECK(ctest_distance(t->n * K, same, R) == 0);

  /* Any order of rows. G has the L2 part, columns have not. */
  for (lc_index j = 0; j < q; j++) rows[j] = q - 1 - j;
  lc_objective_columns(&obj, q, rows, obj.K, R, c);
  for (int k = 0; k < K; k++)
    for (lc_index j = 0; j < q; j++) {
      double ridge = j < intercept ? 0 : t->pen.lambda * t->l2[j - intercept] * to[k * q + j];
      CHECK_NEAR(c[q - 1 - j + k * q] + ridge, whole.G[k * q + j], 1e-13);
    }
  /* lc_objective_gradient() at the moved point, from its scores alone. */
  CHECK(lc_objective_gradient(&obj) == LC_OK);
  CHECK(ctest_distance(q * K, obj.G, whole.G) < 1e-13);

  double lambda = t->pen.lambda;
  t->pen.lambda = 3 * lambda;
  lc_objective_revalue(&obj, 0, NULL);
  if (!x->shift) CHECK_NEAR(obj.at.value, ctest_value(t, obj.at.B), 1e-13);
  CHECK_NEAR(obj.at.value, obj.at.loss + lc_penalty_value(&t->pen, K, obj.at.B), 1e-14);
  t->pen.lambda = lambda;
}

/* A part of a step is an evaluation there, scores and gradient too, which the next step starts from. */
static void test_shortened(ctest_problem *t, const lc_design *x, const double *B) {
  double to[MOST];
  lc_objective obj, whole;
  start(t, x, B, LC_WANT_GRADIENT, &obj);
  for (lc_index i = 0; i < obj.P; i++) to[i] = B[i] + ctest_normal();
  CHECK(lc_objective_eval(&obj, to, LC_WANT_GRADIENT) == LC_OK);
  CHECK(lc_objective_shorten(&obj, 0.3) == LC_OK);
  for (lc_index i = 0; i < obj.P; i++) to[i] = B[i] + 0.3 * (to[i] - B[i]);
  start(t, x, to, LC_WANT_GRADIENT, &whole);
  CHECK(ctest_distance(obj.P, obj.to.B, whole.at.B) < 1e-14);
  CHECK(ctest_distance(t->n * obj.K, obj.to.Z, whole.at.Z) < 1e-13);
  CHECK(ctest_distance(obj.P, obj.G, whole.G) < 1e-12);
  CHECK_NEAR(obj.to.value, whole.at.value, 1e-13);
}

/* Rows that a step separates are told from the scores of both points, or from those of the step: offsets are in both
 * points and not in the step. A row counts with its weight where its class gains 1 on another class, and for its class
 * where it does on all. */
static void test_separating(ctest_problem *t, const lc_design *x, const double *B) {
  double to[MOST], rows[2], classes[2][CLASSES];
  for (lc_index i = 0; i < MOST; i++) to[i] = B[i] + 3 * ctest_normal();
  for (int kept = 0; kept < 2; kept++) {
    lc_objective obj;
    CHECK(lc_objective_init(&obj, x, &t->obs, t->loss, &t->coding, &t->pen, kept, &t->arena) == LC_OK);
    CHECK(lc_objective_eval(&obj, B, LC_WANT_VALUE) == LC_OK);
    lc_objective_accept(&obj);
    CHECK(lc_objective_eval(&obj, to, LC_WANT_VALUE) == LC_OK);
    CHECK(lc_objective_separating_rows(&obj, 1, rows + kept, classes[kept]) == LC_OK);
  }
  int k = t->coding.k, base = t->coding.base;
  double want = 0, each[CLASSES] = {0};
  for (lc_index i = 0; i < t->n && x == &t->dense; i++) {
    double gain[CLASSES] = {0}, least = INFINITY, most = -INFINITY, w = t->w ? t->w[i] : 1;
    int own = (int)t->y[i];
    for (int c = 0; c < t->coding.K; c++) {
      double *to_class = gain + (t->coding.vector ? 1 : c + base);
      if (t->pen.intercept) *to_class += to[c * t->q] - B[c * t->q];
      for (lc_index j = 0; j < t->p; j++) {
        lc_index at = c * t->q + t->pen.intercept + j;
        *to_class += t->x[i + j * t->n] * (to[at] - B[at]);
      }
    }
    for (int c = 0; c < k; c++) {
      if (c == own) continue;
      least = fmin(least, gain[own] - gain[c]);
      most = fmax(most, gain[own] - gain[c]);
    }
    want += most >= 1 ? w : 0;
    each[own] += least >= 1 ? w : 0;
  }
  CHECK_NEAR(rows[0], rows[1], 1e-12);
  CHECK(ctest_distance(k, classes[0], classes[1]) < 1e-12);
  if (x != &t->dense) return;
  CHECK_NEAR(rows[0], want, 1e-12);
  CHECK(ctest_distance(k, classes[0], each) < 1e-12);
}

/* Factors of classes multiply rows. */
static void test_factors(ctest_problem *t, const lc_design *x, const double *B) {
  double plain[N * CLASSES], scaled[N * CLASSES], s[CLASSES];
  lc_objective obj;
  start(t, x, B, LC_WANT_VALUE, &obj);
  for (int c = 0; c < t->coding.k; c++) s[c] = ctest_uniform();
  CHECK(lc_objective_residuals(&obj, NULL, plain) == LC_OK);
  CHECK(lc_objective_residuals(&obj, s, scaled) == LC_OK);
  for (int c = 0; c < t->coding.K; c++)
    for (lc_index i = 0; i < t->n; i++) plain[i + c * t->n] *= s[(int)t->y[i]];
  CHECK(ctest_distance(t->n * t->coding.K, scaled, plain) < 1e-15);
}

/* X_i' diag(w) X_j / W and diag(w) X_j D of a few columns, by sums. */
static void test_weighted(ctest_problem *t, const double *B) {
  int K = t->coding.K, intercept = t->pen.intercept;
  lc_index i[] = {2, 0, 4}, j[] = {3, 1}, n = t->n;
  double C[6], D[2 * CLASSES], R[N * CLASSES], worst = 0;
  lc_objective obj;
  start(t, &t->dense, B, LC_WANT_VALUE, &obj);
  for (int v = 0; v < 2 * K; v++) D[v] = ctest_normal();
  CHECK(lc_objective_cross(&obj, 3, i, 2, j, NULL, C) == LC_OK);
  lc_objective_weighted_columns(&obj, 2, j, D, R);
  for (int v = 0; v < 2; v++)
    for (int u = 0; u < 3; u++) {
      double sum = 0;
      for (lc_index row = 0; row < n; row++) {
        double a = i[u] < intercept ? 1 : t->x[row + (i[u] - intercept) * n];
        sum += (t->w ? t->w[row] : 1) * a * t->x[row + (j[v] - intercept) * n];
      }
      CHECK_NEAR(C[u + 3 * v], sum / obj.weight_sum, 1e-13);
    }
  for (int c = 0; c < K; c++)
    for (lc_index row = 0; row < n; row++) {
      double want = 0;
      for (int v = 0; v < 2; v++) want += D[v + 2 * c] * t->x[row + (j[v] - intercept) * n];
      worst = fmax(worst, fabs(R[row + c * n] - (t->w ? t->w[row] : 1) * want));
    }
  CHECK(worst < 1e-13);
}

/* Probabilities are exp(z_c) / sum exp(z), and curvatures S_ab = w (p_a [a = b] - p_a p_b). */
static void check_probabilities(const lc_objective *obj, const double *S) {
  double P[N * CLASSES];
  lc_index n = obj->x->n;
  lc_objective_probabilities(obj, P);
  for (lc_index i = 0; i < n; i++) {
    double sum = obj->coding.base;
    for (int c = 0; c < obj->K; c++) sum += exp(obj->at.Z[i + c * n]);
    for (int b = 0; b < obj->K; b++) {
      CHECK_NEAR(P[i + b * n], exp(obj->at.Z[i + b * n]) / sum, 1e-15);
      for (int a = 0; a <= b; a++) {
        double want = (a == b) * P[i + a * n] - P[i + a * n] * P[i + b * n];
        CHECK_NEAR(S[i + lc_packed_at(a, b) * n], lc_obs_weight(obj->obs, i) * want, 1e-14);
      }
    }
  }
}

/* X~' diag(S_ab) X~ / W is the curvature that an evaluation gives. */
static void test_weights(ctest_problem *t, const lc_design *x, const double *B) {
  double S[N * PAIRS], mean[PAIRS], H[MOST * MOST], C[Q * Q];
  lc_objective obj;
  start(t, x, B, LC_WANT_GRADIENT | LC_WANT_CURVATURE, &obj);
  lc_index q = t->q, P = obj.P, rows[Q];
  for (lc_index j = 0; j < q; j++) rows[j] = j;
  lc_objective_weights(&obj, S);
  lc_objective_hessian(&obj, 0, H);
  if (obj.loss->flags & LC_MULTINOMIAL) check_probabilities(&obj, S);
  CHECK(lc_objective_mean_weights(&obj, mean) == LC_OK);
  for (int a = 0; a < obj.ns; a++) {
    double sum = 0;
    for (lc_index i = 0; i < t->n; i++) sum += S[i + a * t->n];
    CHECK_NEAR(mean[a], sum / obj.weight_sum, 1e-14);
  }
  for (int b = 0; b < obj.K; b++)
    for (int a = 0; a <= b; a++) {
      const double *s = S + lc_packed_at(a, b) * t->n;
      CHECK(x->ops->col_cross(x, q, rows, q, rows, s, C, &t->arena) == LC_OK);
      for (lc_index v = 0; v < q; v++)
        for (lc_index u = 0; u < q; u++)
          CHECK_NEAR(C[u + v * q] / obj.weight_sum, H[a * q + u + (b * q + v) * P], 1e-13);
    }
}

/* The balanced residuals sum to zero, and with any share t of them that the penalty allows the halves bound what any
 * point can gain. The largest share gives what lc_objective_gap() says. */
static void test_halves(ctest_problem *t, const lc_design *x, const double *B) {
  int K = t->coding.K, k = t->coding.k, possible;
  lc_index q = t->q, intercept = x->intercept, rows[Q];
  double s[CLASSES], R[N * CLASSES], c[MOST], most = 0, allowed = 1, primal, dual;
  lc_objective obj;
  lc_certificate gap;
  start(t, x, B, LC_WANT_GRADIENT, &obj);
  CHECK(lc_objective_balance(&obj, NULL, s, &possible) == LC_OK);
  /* By its definition Crammer's and Singer's hinge knows one wrong class a row: some class may be nobody's. */
  CHECK(possible == (t->loss->dual != NULL) || (strcmp(t->loss->name, "crammer_singer") == 0 && k > 2));
  if (!possible) return;
  for (int y = 0; y < k; y++) {
    CHECK(s[y] > 0 && s[y] <= 1);
    most = fmax(most, s[y]);
  }
  CHECK(most == 1);
  CHECK(lc_objective_residuals(&obj, s, R) == LC_OK);
  for (lc_index j = 0; j < q; j++) rows[j] = j;
  lc_objective_columns(&obj, q, rows, obj.K, R, c);
  for (int b = 0; intercept && b < K; b++) CHECK(fabs(c[b * q]) < 1e-14);
  for (int b = 0; b < K; b++)
    for (lc_index j = 0; j < t->p; j++) {
      double g = fabs(c[b * q + intercept + j]);
      if (!(t->l2[j] > 0) && !t->pen.lower && g > 0) allowed = fmin(allowed, t->pen.lambda * t->l1[j] / g);
    }
  allowed *= 1 - 1e-15;
  double others[40], other[MOST];
  for (int trial = 0; trial < 40; trial++) {
    for (lc_index i = 0; i < q * K; i++) {
      other[i] = ctest_uniform() < 0.3 ? 0 : 0.4 * ctest_normal();
      lc_index f = i % q - intercept;
      if (f >= 0 && t->pen.lower) other[i] = fmin(fmax(other[i], t->pen.lower[f]), t->pen.upper[f]);
    }
    others[trial] = ctest_value(t, other);
  }
  for (int part = 0; part <= 4; part++) {
    double share = allowed * part / 4, sum = 0;
    CHECK(lc_objective_dual(&obj, R, share, &primal, &dual) == LC_OK);
    CHECK_NEAR(primal, ctest_value(t, B), 1e-13);
    for (int b = 0; b < K; b++)
      for (lc_index j = 0; j < t->p; j++) sum += lc_penalty_conjugate(&t->pen, j, -share * c[b * q + intercept + j]);
    int bounded = 1;
    for (int trial = 0; trial < 40; trial++) bounded = bounded && others[trial] >= dual - sum - 1e-13;
    CHECK(bounded);
    if (part < 4) continue;
    CHECK(lc_objective_gap(&obj, &gap) == LC_OK);
    CHECK(gap.kind == LC_GAP);
    CHECK_NEAR(gap.gap, primal - dual + sum, 1e-12);
  }
}

/* Columns that are taken in by two calls are those that x shows, to the floats nearest to them; steps on them leave
 * `at` alone, and are found in the spare point. */
static void test_round(ctest_problem *t, const lc_design *x, const double *B) {
  int K = t->coding.K;
  lc_index q = t->q, all[Q];
  double D[MOST], shown[N * Q], R[N * CLASSES], c[MOST], of_rounded[MOST], B_spare[MOST], Z_spare[N * CLASSES];
  lc_design rounded = {.ops = NULL};
  lc_point spare = {.B = B_spare, .Z = Z_spare};
  lc_objective obj;
  if (!x->ops->round) return;
  start(t, x, B, LC_WANT_VALUE, &obj);
  for (lc_index j = 0; j < q; j++) all[j] = j;
  CHECK(x->ops->round(x, 2, all, &rounded, &t->arena) == LC_OK);
  CHECK(x->ops->round(x, q - 2, all + 2, &rounded, &t->arena) == LC_OK);
  memset(shown, 0, sizeof shown);
  for (lc_index j = 0; j < q; j++) {
    const double one = 1;
    double column[N] = {0};
    x->ops->col_axpy(x, 1, &j, 1, &one, shown + j * t->n, obj.host);
    rounded.ops->col_axpy(&rounded, 1, &j, 1, &one, column, obj.host);
    int same = 1;
    for (lc_index i = 0; i < t->n; i++) same = same && column[i] == (double)(float)shown[i + j * t->n];
    CHECK(same);
  }
  for (lc_index j = 0; j < q * K; j++) D[j] = 0.1 * ctest_normal();
  lc_objective_leave(&obj, &rounded, &spare);
  CHECK(lc_objective_move(&obj, q, all, D, R) == LC_OK);
  lc_objective_columns(&obj, q, all, obj.K, R, of_rounded);
  lc_objective_accept(&obj);
  lc_objective_return(&obj, x, &spare);
  CHECK(memcmp(obj.at.B, B, (size_t)(q * K) * sizeof *B) == 0 && obj.x == x);
  CHECK(lc_objective_move(&obj, q, all, D, R) == LC_OK);
  lc_objective_columns(&obj, q, all, obj.K, R, c);
  CHECK(ctest_distance(q * K, obj.to.B, spare.B) == 0);
  CHECK(ctest_distance(t->n * K, obj.to.Z, spare.Z) < 1e-6);
  CHECK(ctest_distance(q * K, c, of_rounded) < 1e-6);
  CHECK_NEAR(obj.to.value, spare.value, 1e-6);
}

static void test_all(const lc_loss *loss, ctest_shape shape) {
  static ctest_problem t;
  ctest_problem_make(&t, loss, shape);
  t.pen.lambda = 0.1;
  double B[MOST], shift[COLUMNS] = {0, 0.5, 0, -2, 1}, scale[COLUMNS] = {1, 2, 0.25, 1, 1};
  for (int i = 0; i < MOST; i++) B[i] = 0.3 * ctest_normal();
  lc_design shown = t.dense; /* columns that are shown shifted and scaled */
  shown.shift = shift;
  shown.scale = scale;
  const lc_design *designs[] = {&t.dense, &t.sparse, &shown};
  for (int d = 0; d < 3; d++) {
    if (d == 2 && shape.no_intercept) continue;
    test_move(&t, designs[d], B);
    test_round(&t, designs[d], B);
    test_shortened(&t, designs[d], B);
    test_separating(&t, designs[d], B);
    test_factors(&t, designs[d], B);
    if (loss->flags & LC_CURVATURE) test_weights(&t, designs[d], B);
    if (d < 2) test_halves(&t, designs[d], B);
  }
  test_weighted(&t, B);
  ctest_problem_bound(&t, -0.4, 0.3);
  double inside[MOST];
  for (int i = 0; i < MOST; i++) inside[i] = i % t.q < t.pen.intercept ? B[i] : fmin(fmax(B[i], -0.4), 0.3);
  test_halves(&t, &t.dense, inside);
  ctest_problem_free(&t);
}

/* Of many score columns few rows are worked on together: where they stand in their block changes nothing. */
static void test_strips(int reference) {
  enum { ROWS = 1300, MANY = 40, TWO = 2, ALL = (TWO + 1) * MANY };
  static double B[ALL], to[ALL], middle[ALL], found[2][2 + MANY + MANY * (MANY + 1) / 2];
  for (lc_index i = 0; i < ALL; i++) {
    B[i] = 0.3 * ctest_normal();
    to[i] = B[i] + 0.5 * ctest_normal();
    middle[i] = B[i] + 0.37 * (to[i] - B[i]);
  }
  for (int backwards = 0; backwards < 2; backwards++) {
    ctest_problem t;
    lc_objective obj;
    lc_certificate gap;
    int possible;
    double *sum = found[backwards], value;
    ctest_seed(83);
    ctest_problem_make(&t, lc_loss_find("softmax"),
                       (ctest_shape){.n = ROWS, .p = TWO, .k = MANY, .reference = reference, .weighted = 1});
    double *columns[] = {t.x, t.x + ROWS, t.y, t.w};
    int count = (int)(sizeof columns / sizeof *columns);
    for (int v = 0; backwards && v < count + t.coding.K; v++) {
      double *column = v < count ? columns[v] : t.offset + (v - count) * ROWS;
      for (lc_index i = 0; i < ROWS / 2; i++) {
        double swap = column[i];
        column[i] = column[ROWS - 1 - i];
        column[ROWS - 1 - i] = swap;
      }
    }
    t.pen.lambda = 0.2;
    start(&t, &t.dense, B, LC_WANT_GRADIENT, &obj);
    CHECK(lc_objective_eval(&obj, to, LC_WANT_GRADIENT) == LC_OK);
    CHECK(lc_objective_along(&obj, 0.37, &value) == LC_OK);
    CHECK_NEAR(value, ctest_value(&t, middle), 1e-13);
    CHECK(lc_objective_gap(&obj, &gap) == LC_OK);
    CHECK(gap.kind == LC_GAP);
    sum[0] = gap.gap;
    sum[1] = obj.at.loss;
    CHECK(lc_objective_balance(&obj, NULL, sum + 2, &possible) == LC_OK);
    CHECK(lc_objective_mean_weights(&obj, sum + 2 + MANY) == LC_OK);
    ctest_problem_free(&t);
  }
  CHECK(ctest_distance(2 + MANY + lc_packed_size(MANY - (reference != 0)), found[1], found[0]) < 1e-11);
}

/* A dual point that a solver knows: a free slope's gradient g there, if it is of the size of rounding, costs |g| times
 * twice the slope and 1; one that is larger proves nothing. */
static void test_known_gap(int k, double size) {
  ctest_problem t;
  lc_objective obj;
  lc_certificate gap;
  double B[MOST], s[CLASSES], R[N * CLASSES], c[MOST], primal, dual, cost = 0, conjugates = 0;
  lc_index rows[Q];
  int possible;
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){.n = N, .p = COLUMNS, .k = k, .weighted = 1});
  for (lc_index i = 0; i < N; i++) t.x[i + N] *= size;
  t.l2[1] = 0;
  t.pen.lambda = 0.1;
  ctest_problem_refresh(&t);
  for (int i = 0; i < MOST; i++) B[i] = 0.1 * ctest_normal();
  for (lc_index j = 0; j < t.q; j++) rows[j] = j;
  start(&t, &t.dense, B, LC_WANT_VALUE, &obj);
  CHECK(lc_objective_balance(&obj, NULL, s, &possible) == LC_OK && possible);
  CHECK(lc_objective_residuals(&obj, s, R) == LC_OK);
  CHECK(lc_objective_dual(&obj, R, 1, &primal, &dual) == LC_OK);
  lc_objective_columns(&obj, t.q, rows, obj.K, R, c);
  for (lc_index i = 0; i < obj.P; i++) {
    lc_index j = i % t.q - 1;
    if (j == 1) cost += fabs(c[i]) * (2 * fabs(B[i]) + 1);
    if (j >= 0 && j != 1) conjugates += lc_penalty_conjugate(&t.pen, j, -c[i]);
  }
  obj.dual = R;
  CHECK(lc_objective_gap(&obj, &gap) == LC_OK);
  CHECK(gap.kind == (size < 1e-3 ? LC_GAP : LC_KKT_ONLY));
  if (size < 1e-3) CHECK(fabs(gap.gap - (primal - dual + conjugates + cost)) < 1e-3 * cost);
  ctest_problem_free(&t);
}

/* Slopes at the only bounds that they have, towards which their gradients push, are optimal without a penalty: the gap
 * says so, and elsewhere there is none. Where no row has a derivative nothing can be balanced. */
static void test_at_bounds(const char *loss) {
  ctest_problem t;
  lc_objective obj;
  lc_certificate gap;
  double B[Q] = {0}, G[Q], s[2], low[COLUMNS], high[COLUMNS];
  int possible;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = COLUMNS, .k = 2, .weighted = 1});
  memset(t.offset, 0, N * sizeof(double));
  double share[2] = {0, 0};
  for (lc_index i = 0; i < N; i++) share[(int)t.y[i]] += t.w[i];
  B[0] = log(share[1] / share[0]);
  ctest_gradient(&t, B, G);
  for (int j = 0; j < COLUMNS; j++)
    for (lc_index i = 0; i < N; i++) t.x[i + j * N] *= G[1 + j] < 0 ? -1 : 1;
  ctest_problem_refresh(&t);
  for (int j = 0; j < COLUMNS; j++) low[j] = 0, high[j] = INFINITY;
  t.pen.lower = low;
  t.pen.upper = high;
  start(&t, &t.dense, B, LC_WANT_VALUE, &obj);
  CHECK(lc_objective_gap(&obj, &gap) == LC_OK && gap.kind == LC_GAP && gap.gap < 1e-12);
  B[2] = 0.1;
  start(&t, &t.dense, B, LC_WANT_VALUE, &obj);
  CHECK(lc_objective_gap(&obj, &gap) == LC_OK && gap.kind == LC_KKT_ONLY && isinf(gap.gap));
  t.loss = lc_loss_find("hinge");
  for (lc_index i = 0; i < N; i++) t.offset[i] = t.y[i] == 1 ? 100 : -100;
  start(&t, &t.dense, B, LC_WANT_VALUE, &obj);
  CHECK(lc_objective_balance(&obj, NULL, s, &possible) == LC_OK && !possible && s[0] == 1 && s[1] == 1);
  /* There the loss is 0, and nothing is below that; a loss next to it is judged by what scores of 0 lose. */
  t.pen.lower = t.pen.upper = NULL;
  CHECK(lc_objective_gap(&obj, &gap) == LC_OK && gap.kind == LC_GAP && gap.gap == 0 && gap.relative == 0);
  t.offset[1] = -B[0] + 1 - 1e-5;
  for (lc_index j = 0; j < COLUMNS; j++) t.offset[1] -= B[1 + j] * t.x[1 + j * N];
  start(&t, &t.dense, B, LC_WANT_VALUE, &obj);
  CHECK(t.y[1] == 1 && lc_objective_gap(&obj, &gap) == LC_OK && gap.kind == LC_GAP);
  CHECK_NEAR(gap.gap / (1e-5 * t.w[1] / obj.weight_sum), 1, 1e-9);
  CHECK_NEAR(gap.relative / gap.gap, 1e3, 1e-9);
  ctest_problem_free(&t);
}

void test_columns(void) {
  static const double alphas[] = {0, 0.5, 1};
  ctest_seed(43);
  for (int l = 0; l < lc_loss_count; l++)
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, CLASSES); k++)
      for (int reference = 0; reference < 2; reference++)
        for (int a = 0; a < 3; a++)
          for (int weighted = 0; weighted < 2; weighted++)
            test_all(&lc_losses[l], (ctest_shape){.n = N,
                                                  .p = COLUMNS,
                                                  .k = k,
                                                  .reference = reference,
                                                  .weighted = weighted,
                                                  .no_intercept = a == 1 && weighted,
                                                  .alpha = alphas[a]});
  test_strips(0);
  test_strips(1);
  for (int k = 2; k <= 3; k++) {
    test_known_gap(k, 1e-6);
    test_known_gap(k, 1);
  }
  test_at_bounds("logistic");
}
