#!/usr/bin/env python3
"""Fits by scikit-learn, to compare with: inst/references/scikit-learn.csv.

Run from the top of the sources (python3 and scikit-learn; a few seconds):

    python3 tools/scikit_learn_fits.py

Reads   inst/references/data-<data>.csv
Writes  inst/references/scikit-learn.csv  version, data, call, class, term, estimate

The calls are written as a user would write them, with the iterations and the tolerance that they
need to come to rest. One class is named where there is one row of coefficients: that of the event.
"""

import csv
import os
import warnings

import sklearn
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.svm import LinearSVC

FOLDER = os.path.join("inst", "references")

CALLS = [
    ("iris-two", 'LogisticRegression(C=0.5, solver="newton-cg", tol=1e-7, max_iter=10000)'),
    ("iris", 'LogisticRegression(C=0.5, solver="newton-cg", tol=1e-7, max_iter=10000)'),
    ("iris", 'LogisticRegression(C=0.5, penalty="l1", solver="saga", tol=1e-12, max_iter=100000)'),
    ("iris", 'LogisticRegression(C=0.5, penalty="elasticnet", l1_ratio=0.4, solver="saga", '
             'tol=1e-12, max_iter=100000)'),
    ("iris-two", 'LinearSVC(C=0.1, dual=False, tol=1e-12, max_iter=100000)'),
    ("iris-two", 'SGDClassifier(loss="log_loss", alpha=0.5, learning_rate="constant", eta0=0.002, '
                 'average=100000, max_iter=4000, tol=None, random_state=1)'),
]


def read(name):
    with open(os.path.join(FOLDER, "data-%s.csv" % name), newline="") as file:
        rows = list(csv.DictReader(file))
    terms = [column for column in rows[0] if column != "y"]
    return terms, [[float(row[term]) for term in terms] for row in rows], [row["y"] for row in rows]


def main():
    warnings.simplefilter("error")  # one that does not converge is no reference
    with open(os.path.join(FOLDER, "scikit-learn.csv"), "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["version", "data", "call", "class", "term", "estimate"])
        for data, call in CALLS:
            terms, x, y = read(data)
            fit = eval(call).fit(x, y)
            classes = fit.classes_ if len(fit.classes_) > 2 else fit.classes_[1:]
            for name, slopes, intercept in zip(classes, fit.coef_, fit.intercept_):
                for term, value in zip(["(Intercept)"] + terms, [intercept, *slopes]):
                    out.writerow([sklearn.__version__, data, call, name, term, repr(float(value))])
            print(data, call, fit.n_iter_)


if __name__ == "__main__":
    main()
