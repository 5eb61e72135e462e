#!/usr/bin/env python3
"""Reference fits to fifty digits, for tests/testthat/test-reference.R.

Run from the top of the sources (python3 and mpmath, nothing else; half a minute on one core):

    Rscript tools/reference_data.R        # only if the data are to be written anew
    python3 tools/reference_fits.py       # all cases
    python3 tools/reference_fits.py iris  # only those whose name contains "iris"; cases.dcf stays

Reads   inst/references/data-<data>.csv  (described in tools/reference_data.R)
Writes  inst/references/fit-<case>.csv   class, term, estimate, and se where lambda = 0
        inst/references/cases.dcf        one record a case

The objective is  sum_i w_i L_i / sum_i w_i + lambda * sum_j [(1 - alpha)/2 b_j^2 + alpha |b_j|],
intercepts free of penalty, columns as they are. There is one model here, k rows of coefficients
with scores z = offset + W (1, x) and the loss softmax or squared hinge; everything else is a
constraint on it. Reference coding and two-class models hold the first row at zero. Symmetric coding
frees all rows but the first intercept; as only differences of intercepts count, they are centred at
the end. Every double that is read (x, weights, offset, lambda, alpha) is taken as the exact number
that it is.

The method is Newton's on the free parameters. With an L1 penalty, coordinate descent on the
quadratic model first finds which coefficients are zero; Newton then runs with these and the signs
held fixed. Whatever the way, `verify` accepts a fit only if the conditions of optimality, which
are sufficient as all objectives are convex, hold to fifty digits.
"""

import csv
import os
import sys
import time

from mpmath import mp, mpf

FOLDER = os.path.join("inst", "references")
WORK_DIGITS = 75
ACCEPT = mpf(10) ** -50
SHOWN = 30  # significant digits written

PIMA = "No Yes"
IRIS = "setosa versicolor virginica"
GLASS = "WinF WinNF Veh Con Tabl Head"
HOUSING = "Low Medium High"

# name, data, loss, levels, lambda, alpha, coding, uses (of weight and offset), title
CASES = [
    ("birthwt", "birthwt", "logistic", "0 1", 0, 0, "vector", "",
     "low birth weight, factors expanded"),
    ("birthwt-offset", "birthwt-offset", "logistic", "0 1", 0, 0, "vector", "weight offset",
     "low birth weight with weights and an offset"),
    ("infert", "infert", "logistic", "0 1", 0, 0, "vector", "", "infertility after abortion"),
    ("infert-shifted", "infert-shifted", "logistic", "0 1", 0, 0, "vector", "",
     "the same with 1e6 added to one column"),
    ("esoph", "esoph", "logistic", "control case", 0, 0, "vector", "weight",
     "oesophageal cancer, counts as weights, some of them 0"),
    ("pima-te", "pima-te", "logistic", PIMA, 0, 0, "vector", "", "diabetes, seven measurements"),
    ("mtcars", "mtcars", "logistic", "automatic manual", 0, 0, "vector", "",
     "transmission on weight, nearly separated"),
    ("menarche", "menarche", "logistic", "no yes", 0, 0, "vector", "weight",
     "raw powers of the age up to the fourth, ill-conditioned"),
    ("iris-two", "iris-two", "logistic", "versicolor virginica", 0, 0, "vector", "",
     "two species, nearly separated"),
    ("housing", "housing", "softmax", HOUSING, 0, 0, "reference", "weight",
     "satisfaction, counts as weights"),
    ("housing-offset", "housing", "softmax", HOUSING, 0, 0, "reference", "weight offset",
     "satisfaction, counts as weights and an offset per class"),
    ("survey", "survey", "softmax", "Freq None Some", 0, 0, "reference", "",
     "exercise of students"),
    ("caith", "caith", "softmax", "fair red medium dark black", 0, 0, "reference", "weight",
     "colours of hair and eyes, saturated: the estimates are log odds of counts"),
    ("pima-tr-squared-hinge", "pima-tr", "squared_hinge", PIMA, 0, 0, "vector", "",
     "squared hinge without penalty"),
    ("birthwt-ridge", "birthwt", "logistic", "0 1", 0.05, 0, "vector", "", "logistic ridge"),
    ("pima-te-ridge", "pima-te", "logistic", PIMA, 0.5, 0, "vector", "",
     "logistic ridge, columns of unlike scales"),
    ("iris-ridge", "iris", "softmax", IRIS, 0.01, 0, "symmetric", "", "softmax ridge"),
    ("iris-ridge-reference", "iris", "softmax", IRIS, 0.01, 0, "reference", "",
     "softmax ridge on the rows of reference coding"),
    ("fgl-ridge", "fgl", "softmax", GLASS, 0.01, 0, "symmetric", "", "softmax ridge, six classes"),
    ("housing-ridge-offset", "housing", "softmax", HOUSING, 0.02, 0, "symmetric",
     "weight offset", "softmax ridge with weights and an offset per class"),
    ("pima-tr-squared-hinge-ridge", "pima-tr", "squared_hinge", PIMA, 0.1, 0, "vector", "",
     "squared hinge ridge"),
    ("iris-squared-hinge-ridge", "iris", "squared_hinge", IRIS, 0.05, 0, "symmetric", "",
     "squared hinge ridge, three classes"),
    ("birthwt-lasso", "birthwt", "logistic", "0 1", 0.02, 1, "vector", "", "logistic lasso"),
    ("pima-te-elastic-net", "pima-te", "logistic", PIMA, 0.25, 0.5, "vector", "",
     "logistic elastic net"),
    ("iris-lasso", "iris", "softmax", IRIS, 0.02, 1, "symmetric", "", "softmax lasso"),
    ("iris-elastic-net-reference", "iris", "softmax", IRIS, 0.02, 0.75, "reference", "",
     "softmax elastic net on the rows of reference coding"),
    ("housing-elastic-net", "housing", "softmax", HOUSING, 0.03, 0.5, "symmetric",
     "weight offset", "softmax elastic net with weights and an offset per class"),
]


class Model:
    """A case with its data: x has a leading one; `free` are the parameters (class, term)."""

    def __init__(self, case):
        (self.name, self.data, self.loss, levels, lam, alpha, self.coding, self.uses,
         self.title) = case
        self.levels = levels.split()
        self.lam, self.alpha = float(lam), float(alpha)
        self.k = len(self.levels)
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
        self.x, self.y, self.w, self.offset = [], [], [], []
        for row in rows:
            weight = float(row["(weight)"]) if "weight" in self.uses else 1.0
            if weight == 0:
                continue
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
        losses = [loss(z, y) for z, y in zip(self.scores(W), self.y)]
        return mp.fdot(self.w, losses) + self.penalty(W)

    def derivatives(self, W, curvature=True):
        """Gradient of the smooth part (loss and ridge), k x (p+1), and its Hessian as a table."""
        p = len(self.terms)
        derive = LOSSES[self.loss][1]
        R, S = [], []
        for z, y, w in zip(self.scores(W), self.y, self.w):
            r, s = derive(z, y)
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


def softmax_loss(z, y):
    top = max(z)
    return top + mp.log(mp.fsum(mp.exp(v - top) for v in z)) - z[y]


def softmax_derive(z, y):
    top = max(z)
    e = [mp.exp(v - top) for v in z]
    total = mp.fsum(e)
    mu = [v / total for v in e]
    k = len(z)
    r = [mu[c] - (c == y) for c in range(k)]
    s = [[mu[c] * ((c == d) - mu[d]) for d in range(k)] for c in range(k)]
    return r, s


def hinge2_loss(z, y):
    return mp.fsum(max(mpf(0), v - z[y] + 1) ** 2 for c, v in enumerate(z) if c != y)


def hinge2_derive(z, y):
    k = len(z)
    r = [mpf(0)] * k
    s = [[mpf(0)] * k for _ in range(k)]
    for c in range(k):
        margin = z[c] - z[y] + 1
        if c == y or margin <= 0:
            continue
        r[c] += 2 * margin
        r[y] -= 2 * margin
        for a, b, sign in ((c, c, 1), (y, y, 1), (c, y, -1), (y, c, -1)):
            s[a][b] += 2 * sign
    return r, s


# Logistic is softmax with the first row held at zero.
LOSSES = {"softmax": (softmax_loss, softmax_derive), "logistic": (softmax_loss, softmax_derive),
          "squared_hinge": (hinge2_loss, hinge2_derive)}


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
        step = solve_spd(matrix_of(H, keys), [-v for v in g])
        W, done = line_search(model, W, keys, step, mp.fdot(g, step))
        if done:
            return W
    raise ArithmeticError("Newton did not converge in " + model.name)


def proximal_newton(model, W):
    """Coarse solution with an L1 penalty: coordinate descent on successive quadratic models."""
    keys = model.free
    for _ in range(100):
        G, H = model.derivatives(W)
        step = [mpf(0)] * len(keys)
        A = matrix_of(H, keys)
        for _ in range(2000):
            largest = mpf(0)
            for i, (c, j) in enumerate(keys):
                g = G[c][j] + mp.fdot(A[i], step)
                at = W[c][j] + step[i]
                u = A[i][i] * at - g
                if penalised(model, (c, j)):
                    u = sign(u) * max(mpf(0), abs(u) - model.l1)
                new = u / A[i][i]
                largest = max(largest, abs(new - at))
                step[i] += new - at
            if largest < mpf(10) ** -12:
                break
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
    return worst


def fit(model):
    W = [[mpf(0)] * len(model.terms) for _ in range(model.k)]
    keys = model.free
    if model.l1 > 0:
        with mp.workdps(30):
            W = proximal_newton(model, W)
        keys = [key for key in keys if not penalised(model, key) or W[key[0]][key[1]] != 0]
    W = newton(model, W, keys)
    worst = verify(model, W)
    errors = standard_errors(model, W) if model.lam == 0 and model.loss != "squared_hinge" else None
    condition = scaled_condition(model, W, keys)
    objective = model.objective(W)
    if model.coding == "symmetric":
        centre = mp.fsum(row[0] for row in W) / model.k
        W = [[row[0] - centre] + row[1:] for row in W]
    return W, objective, errors, condition, worst


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


def write_fit(model, W, errors):
    rows = range(0 if model.coding == "symmetric" else 1, model.k)
    with open(os.path.join(FOLDER, "fit-%s.csv" % model.name), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["class", "term", "estimate"] + (["se"] if errors else []))
        for c in rows:
            for j, term in enumerate(model.terms):
                line = [model.levels[c], term, mp.nstr(W[c][j], SHOWN)]
                out.writerow(line + ([mp.nstr(errors[c, j], SHOWN)] if errors else []))


def record(model, objective, condition):
    fields = [("Case", model.name), ("Title", model.title), ("Data", model.data),
              ("Loss", model.loss), ("Levels", " ".join(model.levels)),
              ("Lambda", repr(model.lam)), ("Alpha", repr(model.alpha)),
              ("Coding", model.coding), ("Uses", model.uses or "-"),
              ("Objective", mp.nstr(objective, SHOWN)), ("Condition", mp.nstr(condition, 3))]
    return "".join("%s: %s\n" % field for field in fields)


def main(patterns):
    mp.dps = WORK_DIGITS
    records = []
    for case in CASES:
        if patterns and not any(pattern in case[0] for pattern in patterns):
            continue
        started = time.time()
        model = Model(case)
        W, objective, errors, condition, worst = fit(model)
        write_fit(model, W, errors)
        records.append(record(model, objective, condition))
        print("%-28s objective %s  condition %s  residual %s  %.1f s" % (
            model.name, mp.nstr(objective, 15), mp.nstr(condition, 3), mp.nstr(worst, 2),
            time.time() - started), flush=True)
    if not patterns:
        with open(os.path.join(FOLDER, "cases.dcf"), "w") as file:
            file.write("\n".join(records))


if __name__ == "__main__":
    main(sys.argv[1:])
