#!/usr/bin/env python3
"""Reference fits to fifty digits, for tests/testthat/test-reference.R.

Run from the top of the sources (python3 and mpmath, nothing else; two minutes on one core):

    Rscript tools/reference_data.R        # only if the data are to be written anew
    python3 tools/reference_fits.py       # all cases
    python3 tools/reference_fits.py iris  # only those whose name contains "iris"; nothing is written

Reads   inst/references/data-<data>.csv    (described in tools/reference_data.R)
Writes  inst/references/cases.dcf          one record a case
        inst/references/fits.csv           case, class, term, estimate, and se where there is one
        inst/references/probabilities.csv  case, row, class, probability, of some rows

The objective is  sum_i w_i L_i / sum_i w_i + lambda * sum_j [(1 - alpha)/2 b_j^2 + alpha |b_j|],
intercepts free of penalty, columns as they are. There is one model here, k rows of coefficients
with scores z = offset + W (1, x) and the loss softmax or a sum over the wrong classes of a bend of
u = z_c - z_y + 1 (hinge, squared hinge, Huberised hinge); everything else is a constraint on it.
Reference coding and two-class models hold the first row at zero. Symmetric coding
frees all rows but the first intercept; as only differences of intercepts count, they are centred at
the end. Every double that is read (x, weights, offset, lambda, alpha) is taken as the exact number
that it is.

The method is Newton's on the free parameters. With an L1 penalty, coordinate descent on the
quadratic model first finds which coefficients are zero; Newton then runs with these and the signs
held fixed. The hinge is first rounded, less and less, which shows the margins that lie on a kink;
then these margins are equations, with a multiplier each, and one linear system is the answer
(`solve_kinks`). Whatever the way, `verify` accepts a fit only if the conditions of optimality, which
are sufficient as all objectives are convex, hold to fifty digits.
"""

import csv
import os
import sys
import time

from mpmath import mp, mpf

from reference_cases import CASES

FOLDER = os.path.join("inst", "references")
WORK_DIGITS = 75
ACCEPT = mpf(10) ** -50
SHOWN = 20  # significant digits written
SHOWN_ROWS = 8  # of each case, spread evenly, have their probabilities written


class Model:
    """A case with its data: x has a leading one; `free` are the parameters (class, term)."""

    def __init__(self, case):
        (self.name, self.data, self.loss, levels, lam, alpha, self.coding, self.uses,
         self.title) = case
        self.levels = levels.split()
        self.lam, self.alpha = float(lam), float(alpha)
        self.k = len(self.levels)
        self.mu = mpf(0)  # rounding of kinks
        self.l1 = mpf(self.lam) * mpf(self.alpha)
        self.l2 = mpf(self.lam) * (1 - mpf(self.alpha))
        self.read()
        first = 0 if self.coding == "symmetric" else 1
        self.free = [(c, j) for c in range(first, self.k) for j in range(len(self.terms))
                     if (c, j) != (0, 0)]

    def read(self):
        with open(os.path.join(FOLDER, "data-%s.csv" % self.data), newline="") as file:
            rows = list(csv.DictReader(file))
        columns = [name for name in rows[0] if name != "y" and not name.startswith("(")]
        self.terms = ["(Intercept)"] + columns
        self.rows, self.x, self.y, self.w, self.offset = [], [], [], [], []
        for number, row in enumerate(rows, 1):
            weight = float(row["(weight)"]) if "weight" in self.uses else 1.0
            if weight == 0:
                continue
            self.rows.append(number)
            self.x.append([mpf(1)] + [mpf(float(row[name])) for name in columns])
            self.y.append(self.levels.index(row["y"]))
            self.w.append(mpf(weight))
            self.offset.append(self.read_offset(row))
        total = mp.fsum(self.w)
        self.weight_sum = total
        self.w = [w / total for w in self.w]
        # Products of the columns for the curvature: pairs (a <= b), each a vector over the rows.
        p = len(self.terms)
        cols = list(zip(*self.x))
        self.columns = cols
        self.products = {(a, b): [u * v for u, v in zip(cols[a], cols[b])]
                         for a in range(p) for b in range(a, p)}

    def likelihood(self):
        return self.loss in ("logistic", "softmax")

    def read_offset(self, row):
        if "offset" not in self.uses:
            return [mpf(0)] * self.k
        if "(offset)" in row:
            return [mpf(0), mpf(float(row["(offset)"]))]
        return [mpf(float(row["(offset.%s)" % level])) for level in self.levels]

    def scores(self, W):
        return [[o[c] + mp.fdot(W[c], x) for c in range(self.k)]
                for x, o in zip(self.x, self.offset)]

    def penalty(self, W):
        slopes = [b for row in W for b in row[1:]]
        return (self.l2 / 2 * mp.fsum(b * b for b in slopes)
                + self.l1 * mp.fsum(abs(b) for b in slopes))

    def objective(self, W):
        loss = LOSSES[self.loss][0]
        losses = [loss(z, y, self.mu) for z, y in zip(self.scores(W), self.y)]
        return mp.fdot(self.w, losses) + self.penalty(W)

    def derivatives(self, W, curvature=True):
        """Gradient of the smooth part (loss and ridge), k x (p+1), and its Hessian as a table."""
        p = len(self.terms)
        derive = LOSSES[self.loss][1]
        R, S = [], []
        for z, y, w in zip(self.scores(W), self.y, self.w):
            r, s = derive(z, y, self.mu)
            R.append([w * v for v in r])
            S.append([[w * v for v in row] for row in s])
        G = [[mp.fdot([r[c] for r in R], self.columns[j]) + (self.l2 * W[c][j] if j else 0)
              for j in range(p)] for c in range(self.k)]
        if not curvature:
            return G, None
        H = {}
        for c in range(self.k):
            for d in range(c, self.k):
                s = [m[c][d] for m in S]
                for (a, b), xx in self.products.items():
                    value = mp.fdot(s, xx)
                    if c == d and a == b and a > 0:
                        value += self.l2
                    for key in ((c, a, d, b), (c, b, d, a), (d, a, c, b), (d, b, c, a)):
                        H[key] = value
        return G, H


def softmax_loss(z, y, mu):
    top = max(z)
    return top + mp.log(mp.fsum(mp.exp(v - top) for v in z)) - z[y]


def softmax_derive(z, y, mu):
    top = max(z)
    e = [mp.exp(v - top) for v in z]
    total = mp.fsum(e)
    mu = [v / total for v in e]
    k = len(z)
    r = [mu[c] - (c == y) for c in range(k)]
    s = [[mu[c] * ((c == d) - mu[d]) for d in range(k)] for c in range(k)]
    return r, s


# Value, first and second derivative of a bend at u. `mu` rounds the kink of the hinge.
def ramp(u, mu):
    if mu == 0:
        return max(u, mpf(0)), mpf(u > 0), mpf(0)
    root = mp.sqrt(u * u + 4 * mu * mu)
    return (u + root) / 2, (1 + u / root) / 2, 2 * mu * mu / root ** 3


def square(u, mu):
    return (u * u, 2 * u, mpf(2)) if u > 0 else (mpf(0),) * 3


def huber(u, mu):
    if u <= 0:
        return (mpf(0),) * 3
    return (u * u / 2, u, mpf(1)) if u < 1 else (u - mpf(1) / 2, mpf(1), mpf(0))


def margin_loss(bend):
    """Sum over the wrong classes of the bend of u = z_c - z_y + 1."""

    def loss(z, y, mu):
        return mp.fsum(bend(v - z[y] + 1, mu)[0] for c, v in enumerate(z) if c != y)

    def derive(z, y, mu):
        k = len(z)
        r = [mpf(0)] * k
        s = [[mpf(0)] * k for _ in range(k)]
        for c in range(k):
            if c == y:
                continue
            _, first, second = bend(z[c] - z[y] + 1, mu)
            r[c] += first
            r[y] -= first
            for a, b, sign in ((c, c, 1), (y, y, 1), (c, y, -1), (y, c, -1)):
                s[a][b] += second * sign
        return r, s

    return loss, derive


# Logistic is softmax with the first row held at zero.
LOSSES = {"softmax": (softmax_loss, softmax_derive), "logistic": (softmax_loss, softmax_derive),
          "squared_hinge": margin_loss(square), "huber_hinge": margin_loss(huber),
          "hinge": margin_loss(ramp)}


def sign(v):
    return (v > 0) - (v < 0)


def penalised(model, key):
    return key[1] > 0 and model.l1 > 0


def add_step(W, keys, step, t):
    moved = [list(row) for row in W]
    for (c, j), d in zip(keys, step):
        moved[c][j] += t * d
    return moved


def line_search(model, W, keys, step, slope):
    """Halves the step until the objective falls enough; at the rounding level takes it whole."""
    f = model.objective(W)
    if -slope < mpf(10) ** -(mp.dps - 15) * (1 + abs(f)):
        return add_step(W, keys, step, 1), True
    t = mpf(1)
    for _ in range(60):
        moved = add_step(W, keys, step, t)
        if model.objective(moved) <= f + t * slope / 10000:
            return moved, False
        t /= 2
    raise ArithmeticError("line search failed in " + model.name)


def solve_spd(A, b):
    """A x = b by LDL' without pivoting; A is a list of rows."""
    m = len(A)
    L = [list(row) for row in A]
    for i in range(m):
        for j in range(i):
            L[i][j] = (A[i][j] - mp.fdot([L[i][r] * L[r][r] for r in range(j)], L[j][:j])) / L[j][j]
        L[i][i] = A[i][i] - mp.fsum(L[i][r] ** 2 * L[r][r] for r in range(i))
        if L[i][i] <= 0:
            raise ArithmeticError("curvature is not positive definite")
    x = list(b)
    for i in range(m):
        x[i] -= mp.fdot(L[i][:i], x[:i])
    x = [v / L[i][i] for i, v in enumerate(x)]
    for i in reversed(range(m)):
        x[i] -= mp.fdot([L[r][i] for r in range(i + 1, m)], x[i + 1:])
    return x


def matrix_of(H, keys):
    return [[H[a + b] for b in keys] for a in keys]


def newton(model, W, keys):
    """Newton on `keys`, the others held; the signs of W there fix the L1 term."""
    for _ in range(200):
        G, H = model.derivatives(W)
        g = [G[c][j] + (model.l1 * sign(W[c][j]) if j else 0) for c, j in keys]
        A = matrix_of(H, keys)
        try:
            step = solve_spd(A, [-v for v in g])
        except ArithmeticError:  # the Huberised hinge is linear, or flat, where no margin bends
            for i, row in enumerate(A):
                row[i] += mpf(1) / 1000
            step = solve_spd(A, [-v for v in g])
        W, done = line_search(model, W, keys, step, mp.fdot(g, step))
        if done:
            return W
    raise ArithmeticError("Newton did not converge in " + model.name)


def proximal_newton(model, W):
    """Coarse solution with an L1 penalty: coordinate descent, in doubles, on successive quadratic models."""
    keys = model.free
    for _ in range(100):
        G, H = model.derivatives(W)
        step = [0.0] * len(keys)
        A = [[float(v) for v in row] for row in matrix_of(H, keys)]
        start = [float(W[c][j]) for c, j in keys]
        gradient = [float(G[c][j]) for c, j in keys]
        l1 = [float(model.l1) if penalised(model, key) else 0.0 for key in keys]
        for _ in range(20000):
            largest = 0.0
            for i, row in enumerate(A):
                g = gradient[i] + sum(a * d for a, d in zip(row, step))
                u = row[i] * (start[i] + step[i]) - g
                new = sign(u) * max(0.0, abs(u) - l1[i]) / row[i] - start[i]
                largest = max(largest, abs(new - step[i]))
                step[i] = new
            if largest < 1e-13 * max(1e-3, max(abs(v) for v in start)):
                break
        step = [mpf(d) - (W[c][j] + d if start[i] + d == 0 else 0)
                for i, ((c, j), d) in enumerate(zip(keys, step))]
        moved = add_step(W, keys, step, 1)
        slope = (mp.fsum(G[c][j] * d for (c, j), d in zip(keys, step))
                 + model.l1 * mp.fsum(abs(moved[c][j]) - abs(W[c][j]) for c, j in keys if j))
        exact = [moved[c][j] == 0 for c, j in keys]
        W, done = line_search(model, W, keys, step, slope)
        for (c, j), zero in zip(keys, exact):
            if zero and abs(W[c][j]) < mpf(10) ** -15:
                W[c][j] = mpf(0)
        if done or max(abs(d) for d in step) < mpf(10) ** -9:
            return W
    raise ArithmeticError("proximal Newton did not converge in " + model.name)


def margins(model, W):
    """(row, wrong class, u, derivative of u by the free parameters)"""
    out = []
    for i, z in enumerate(model.scores(W)):
        y = model.y[i]
        for c in range(model.k):
            if c != y:
                slope = [model.x[i][j] * ((a == c) - (a == y)) for a, j in model.free]
                out.append((i, c, z[c] - z[y] + 1, slope))
    return out


def solve_kinks(model):
    """The hinge with a ridge. Rounded by mu down to 1e-25, a margin is on a kink where |u| < 1e-10.
    There u = 0, its multiplier is between 0 and the weight, and beyond it is 0 or the weight:
    Newton's conditions are one linear system in the parameters and these multipliers."""
    W = [[mpf(0)] * len(model.terms) for _ in range(model.k)]
    for power in range(26):
        model.mu = mpf(10) ** -power
        W = newton(model, W, model.free)
    model.mu = mpf(0)
    all_margins = margins(model, W)
    kinks = [m for m in all_margins if abs(m[2]) < mpf(10) ** -10]
    P, size = len(model.free), len(model.free) + len(kinks)
    A, b = mp.zeros(size, size), mp.zeros(size, 1)
    for r, (c, j) in enumerate(model.free):
        A[r, r] = model.l2 if j else 0
        b[r] = -mp.fsum(model.w[m[0]] * m[3][r] for m in all_margins if m[2] >= mpf(10) ** -10)
        for q, m in enumerate(kinks):
            A[r, P + q] = A[P + q, r] = m[3][r]
    for q, m in enumerate(kinks):
        b[P + q] = mp.fsum(W[c][j] * d for (c, j), d in zip(model.free, m[3])) - m[2]
    solution = mp.lu_solve(A, b)
    for r, (c, j) in enumerate(model.free):
        W[c][j] = solution[r]
    verify_kinks(model, W, kinks, [solution[P + q] for q in range(len(kinks))])
    return W


def verify_kinks(model, W, kinks, multipliers):
    """Sufficient conditions: the multipliers are a subgradient, and the gradient with them is 0."""
    at = {m[:2]: a for m, a in zip(kinks, multipliers)}
    g = [model.l2 * W[c][j] if j else mpf(0) for c, j in model.free]
    size = [mp.fdot(model.w, [abs(v) for v in model.columns[j]]) for c, j in model.free]
    for i, c, u, slope in margins(model, W):
        a = at.get((i, c), model.w[i] * (u > 0))
        on_kink = (i, c) in at and abs(u) <= ACCEPT and 0 <= a <= model.w[i]
        if not (on_kink or (i, c) not in at and abs(u) > ACCEPT):
            raise ArithmeticError("%s: margin %d of row %d has no multiplier" % (model.name, c, i))
        g = [v + a * d for v, d in zip(g, slope)]
    worst = max(abs(v) / s for v, s in zip(g, size))
    if worst > ACCEPT:
        raise ArithmeticError("%s is not optimal: %s" % (model.name, mp.nstr(worst, 5)))


def verify(model, W):
    """The largest violation of the conditions of optimality, relative to each column's mean |x|."""
    G, _ = model.derivatives(W, curvature=False)
    size = [mp.fdot(model.w, [abs(v) for v in column]) for column in model.columns]
    worst = mpf(0)
    for c, j in model.free:
        g = G[c][j]
        if penalised(model, (c, j)):
            if W[c][j] == 0:
                g = max(mpf(0), abs(g) - model.l1)
            else:
                g += model.l1 * sign(W[c][j])
        worst = max(worst, abs(g) / size[j])
    if worst > ACCEPT:
        raise ArithmeticError("%s is not optimal: %s" % (model.name, mp.nstr(worst, 5)))


def fit(model):
    if model.loss == "hinge":
        W = solve_kinks(model)
        return centred(model, W), model.objective(W), None, mp.nan
    W = [[mpf(0)] * len(model.terms) for _ in range(model.k)]
    for c, j in model.free:
        if j == 0:  # scores start near 0 whatever the offsets are
            W[c][0] = mp.fdot(model.w, [o[0] - o[c] for o in model.offset])
    keys = model.free
    if model.l1 > 0:
        with mp.workdps(30):
            W = proximal_newton(model, W)
        keys = [key for key in keys if not penalised(model, key) or W[key[0]][key[1]] != 0]
    W = newton(model, W, keys)
    verify(model, W)
    errors = standard_errors(model, W) if model.lam == 0 and model.likelihood() else None
    condition = scaled_condition(model, W, keys)
    return centred(model, W), model.objective(W), errors, condition


def centred(model, W):
    """As only differences of intercepts count, those of symmetric coding get a mean of 0."""
    if model.coding != "symmetric":
        return W
    centre = mp.fsum(row[0] for row in W) / model.k
    return [[row[0] - centre] + row[1:] for row in W]


def probabilities(model, W):
    """(number of the row in the data, class, probability) of some rows"""
    n = len(model.x)
    shown = sorted({round(i * (n - 1) / (SHOWN_ROWS - 1)) for i in range(SHOWN_ROWS)})
    scores = model.scores(W)
    for i in shown:
        for c in range(model.k):
            r, _ = softmax_derive(scores[i], c, 0)
            yield model.rows[i], model.levels[c], r[c] + 1


def standard_errors(model, W):
    """Square roots of the diagonal of the inverse information of the weighted sum of losses."""
    _, H = model.derivatives(W)
    A = matrix_of(H, model.free)
    errors = {}
    for i, key in enumerate(model.free):
        unit = [mpf(r == i) for r in range(len(A))]
        errors[key] = mp.sqrt(solve_spd(A, unit)[i] / model.weight_sum)
    return errors


def scaled_condition(model, W, keys):
    """Condition number of the Hessian on the free parameters, scaled to a unit diagonal."""
    _, H = model.derivatives(W)
    A = mp.matrix(matrix_of(H, keys))
    d = [1 / mp.sqrt(A[i, i]) for i in range(A.rows)]
    for i in range(A.rows):
        for j in range(A.rows):
            A[i, j] *= d[i] * d[j]
    with mp.workdps(40):
        values = mp.eigsy(A, eigvals_only=True)
        return max(values) / min(values)


def fit_lines(model, W, errors):
    for c in range(0 if model.coding == "symmetric" else 1, model.k):
        for j, term in enumerate(model.terms):
            yield [model.name, model.levels[c], term, mp.nstr(W[c][j], SHOWN),
                   mp.nstr(errors[c, j], SHOWN) if errors else "NA"]


def write_lines(name, header, lines):
    with open(os.path.join(FOLDER, name), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(lines)


def record(model, objective, condition):
    fields = [("Case", model.name), ("Title", model.title), ("Data", model.data),
              ("Loss", model.loss), ("Levels", " ".join(model.levels)),
              ("Lambda", repr(model.lam)), ("Alpha", repr(model.alpha)),
              ("Coding", model.coding), ("Uses", model.uses or "-"),
              ("Objective", mp.nstr(objective, SHOWN)), ("Condition", mp.nstr(condition, 3))]
    return "".join("%s: %s\n" % field for field in fields)


def main(patterns):
    mp.dps = WORK_DIGITS
    records, fits, shares = [], [], []
    for case in CASES:
        if patterns and not any(pattern in case[0] for pattern in patterns):
            continue
        started = time.time()
        model = Model(case)
        W, objective, errors, condition = fit(model)
        fits += fit_lines(model, W, errors)
        if model.likelihood():
            shares += [[model.name, row, level, mp.nstr(p, SHOWN)]
                       for row, level, p in probabilities(model, W)]
        records.append(record(model, objective, condition))
        print("%-28s objective %s  condition %s  %.1f s" % (
            model.name, mp.nstr(objective, 15), mp.nstr(condition, 3), time.time() - started),
            flush=True)
    if not patterns:
        with open(os.path.join(FOLDER, "cases.dcf"), "w") as file:
            file.write("\n".join(records))
        write_lines("fits.csv", ["case", "class", "term", "estimate", "se"], fits)
        write_lines("probabilities.csv", ["case", "row", "class", "probability"], shares)


if __name__ == "__main__":
    main(sys.argv[1:])
