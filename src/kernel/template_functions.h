/* kernel/template_functions.h - exp, log and the logistic function of a column, as polynomials; a part of
 * kernel/template.h, which includes it once for each instruction set. */

/* ---- exp, logistic, log ----------------------------------------------------------------------------------------- */

/* For -746 <= x <= 710: exp(x) = 2^n (1 + r + r^2 g(r)), n = round(x / log 2), r = x - n log 2 in two parts; g a
 * Chebyshev fit of degree 10 on |r| <= log(2) / 2, error 2e-19. */
ALWAYS VEC NAME(exp_vec)(VEC x) {
  VEC n = V_ROUND(V_MUL(x, V_SET1(1.44269504088896340736)));
  VEC r = V_FNMA(n, V_SET1(0.6931471804855391), x);
  r = V_FNMA(n, V_SET1(7.440617110012397e-11), r);
  VEC g = V_SET1(2.0914686968086877233e-9);
  g = V_FMA(g, r, V_SET1(2.5105217004720745164e-8));
  g = V_FMA(g, r, V_SET1(2.7557273643110295328e-7));
  g = V_FMA(g, r, V_SET1(2.755725540020642443e-6));
  g = V_FMA(g, r, V_SET1(0.000024801587325547741216));
  g = V_FMA(g, r, V_SET1(0.00019841269874820625271));
  g = V_FMA(g, r, V_SET1(0.0013888888888883748305));
  g = V_FMA(g, r, V_SET1(0.0083333333333261351258));
  g = V_FMA(g, r, V_SET1(0.041666666666669755));
  g = V_FMA(g, r, V_SET1(0.16666666666666670991));
  g = V_FMA(g, r, V_SET1(0.5));
  VEC y = V_FMA(V_MUL(r, r), g, r);
  y = V_ADD(y, V_SET1(1));
  return V_SCALE(y, n);
}

TARGET static void NAME(exp)(lc_index m, const double *x, double *y) {
  const VEC low = V_SET1(-746), high = V_SET1(710);
  for (lc_index i = 0; i < m; i += LANES) {
    int rest = (int)(m - i < LANES ? m - i : LANES);
    /* Order of operands: a NaN in v comes through. */
    VEC v = V_LOADN(x + i, rest);
    V_STOREN(y + i, NAME(exp_vec)(V_MIN(high, V_MAX(low, v))), rest);
  }
}

/* 2 atanh(u) for |u| <= 1/3: an odd series, a Chebyshev fit of degree 10 in u^2, error 1e-18. */
ALWAYS VEC NAME(two_atanh_vec)(VEC u) {
  VEC v = V_MUL(u, u), f = V_SET1(0.085220817813906990645);
  f = V_FMA(f, v, V_SET1(0.041622532559304102879));
  f = V_FMA(f, v, V_SET1(0.060550843640346088273));
  f = V_FMA(f, v, V_SET1(0.066501870163373121685));
  f = V_FMA(f, v, V_SET1(0.076933070211520038808));
  f = V_FMA(f, v, V_SET1(0.090908704162524022551));
  f = V_FMA(f, v, V_SET1(0.11111112040373836587));
  f = V_FMA(f, v, V_SET1(0.14285714272727057267));
  f = V_FMA(f, v, V_SET1(0.20000000000092873734));
  f = V_FMA(f, v, V_SET1(0.33333333333333074797));
  f = V_FMA(f, v, V_SET1(1));
  return V_MUL(V_ADD(u, u), f);
}

/* With e = exp(-|t|): one division gives s = 1/(1+e) and u = e/(2+e); log1p(e) = 2 atanh(u), u <= 1/3. */
TARGET static void NAME(logistic)(lc_index m, const double *t, double *value, double *mean, double *variance) {
  const VEC zero = V_ZERO(), one = V_SET1(1), two = V_SET1(2), low = V_SET1(-746);
  for (lc_index i = 0; i < m; i += LANES) {
    int rest = (int)(m - i < LANES ? m - i : LANES);
    VEC z = V_LOADN(t + i, rest);
    VEC e = NAME(exp_vec)(V_MAX(low, V_SUB(zero, V_ABS(z))));
    VEC q = V_DIV(one, V_MUL(V_ADD(one, e), V_ADD(two, e)));
    VEC s = V_MUL(V_ADD(two, e), q), es = V_MUL(e, s);
    if (mean) V_STOREN(mean + i, V_SELECT_POSITIVE(z, s, es), rest);
    if (variance) V_STOREN(variance + i, V_MUL(es, s), rest);
    if (!value) continue;
    VEC tail = NAME(two_atanh_vec)(V_MUL(V_MUL(e, V_ADD(one, e)), q));
    V_STOREN(value + i, V_ADD(V_MAX(zero, z), tail), rest);
  }
}

/* log(m 2^n) = n log(2) + 2 atanh((m - 1) / (m + 1)) for m in [3/4, 3/2), log(2) in two parts; above = m - 1. */
ALWAYS VEC NAME(log_of_parts)(VEC n, VEC m, VEC above) {
  VEC tail = NAME(two_atanh_vec)(V_DIV(above, V_ADD(m, V_SET1(1))));
  return V_FMA(n, V_SET1(0.6931471804855391), V_FMA(n, V_SET1(7.440617110012397e-11), tail));
}

TARGET static void NAME(log)(lc_index m, const double *x, double *y) {
  const VEC least = V_SET1(2.2250738585072014e-308);
  for (lc_index i = 0; i < m; i += LANES) {
    int rest = (int)(m - i < LANES ? m - i : LANES);
    VEC v = V_MAX(least, V_LOADN(x + i, rest));
    VEC n = V_EXPONENT(V_MUL(v, V_SET1(4.0 / 3)));
    VEC part = V_SCALE(v, V_SUB(V_ZERO(), n));
    V_STOREN(y + i, NAME(log_of_parts)(n, part, V_SUB(part, V_SET1(1))), rest);
  }
}

/* log(1 + x) for x >= 0: where 1 + x is below 3/2, what it is above 1 is x itself, to all digits. */
ALWAYS VEC NAME(log1p_vec)(VEC x) {
  VEC v = V_ADD(V_SET1(1), x), n = V_EXPONENT(V_MUL(v, V_SET1(4.0 / 3)));
  VEC part = V_SCALE(v, V_SUB(V_ZERO(), n));
  return NAME(log_of_parts)(n, part, V_SELECT_POSITIVE(n, V_SUB(part, V_SET1(1)), x));
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

/* Numbers of the rows at hand: LANES of them where `whole` is 1, else the first `rest`. */
#define V_ROWS(p) (whole ? V_LOAD(p) : V_LOADN(p, rest))
#define V_KEEP(p, v) (whole ? V_STORE(p, v) : V_STOREN(p, v, rest))
#define V_SELECT_OTHER(a, b, yes, no) V_SELECT_POSITIVE(V_ABS(V_SUB(a, b)), yes, no)

/* As ref_softmax() for rows side by side. */
ALWAYS void NAME(softmax_rows)(const int whole, int rest, int K, int base, const double *z, lc_index ldz,
                               const double *y, double *value, double *p, lc_index ldp, double *base_p) {
  const VEC zero = V_ZERO(), one = V_SET1(1), low = V_SET1(-746);
  VEC top = base ? zero : V_ROWS(z), winner = zero, others = zero, score = zero, own = value ? V_ROWS(y) : zero;
  for (int c = !base; c < K; c++) {
    VEC v = V_ROWS(z + c * ldz), lead = V_SUB(v, top);
    top = V_SELECT_POSITIVE(lead, v, top);
    winner = V_SELECT_POSITIVE(lead, V_SET1(c + base), winner);
  }
  VEC first = base ? NAME(exp_vec)(V_MAX(low, V_SUB(zero, top))) : zero; /* of the score of 0 */
  others = V_SELECT_POSITIVE(winner, first, zero);
  for (int c = 0; c < K; c++) {
    VEC v = V_ROWS(z + c * ldz), number = V_SET1(c + base);
    VEC e = NAME(exp_vec)(V_MAX(low, V_SUB(v, top)));
    others = V_ADD(others, V_SELECT_OTHER(winner, number, e, zero));
    score = V_SELECT_OTHER(own, number, score, v);
    if (p) V_KEEP(p + c * ldp, e);
  }
  if (value) V_KEEP(value, V_ADD(V_SUB(top, score), NAME(log1p_vec)(others)));
  VEC scale = V_DIV(one, V_ADD(one, others));
  if (base && base_p) V_KEEP(base_p, V_MUL(first, scale));
  for (int c = 0; p && c < K; c++) V_KEEP(p + c * ldp, V_MUL(V_ROWS(p + c * ldp), scale));
}

TARGET static void NAME(softmax)(lc_index m, int K, int base, const double *z, lc_index ldz, const double *y,
                                 double *value, double *p, lc_index ldp, double *base_p) {
  lc_index i = 0;
#define SOFTMAX(whole)                                                                                          \
  NAME(softmax_rows)                                                                                            \
  (whole, (int)(m - i), K, base, z + i, ldz, y ? y + i : NULL, value ? value + i : NULL, p ? p + i : NULL, ldp, \
   base_p ? base_p + i : NULL)
  for (; i + LANES <= m; i += LANES) SOFTMAX(1);
  if (i < m) SOFTMAX(0);
#undef SOFTMAX
}

TARGET static void NAME(less_class)(lc_index m, int K, int base, const double *y, const double *base_p, double *p,
                                    lc_index ldp) {
  for (lc_index i = 0; i < m; i += LANES) {
    int rest = (int)(m - i < LANES ? m - i : LANES);
    VEC own = V_LOADN(y + i, rest), sum = base ? V_LOADN(base_p + i, rest) : V_ZERO();
    for (int c = 0; c < K; c++)
      sum = V_ADD(sum, V_SELECT_OTHER(own, V_SET1(c + base), V_LOADN(p + i + c * ldp, rest), V_ZERO()));
    double others[LANES];
    V_STORE(others, sum);
    for (int l = 0; l < rest; l++) {
      int c = (int)y[i + l] - base;
      if (c >= 0) p[i + l + c * ldp] = -others[l];
    }
  }
}
#undef V_ROWS
#undef V_KEEP
#undef V_SELECT_OTHER
