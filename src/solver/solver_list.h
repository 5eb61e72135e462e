/* solver/solver_list.h - the solvers, in the order in which R shows them. One line adds a solver. */
LC_SOLVER(newton)
LC_SOLVER(lbfgs)
LC_SOLVER(coordinate)
LC_SOLVER(gradient_descent)
LC_SOLVER(minibatch)
LC_SOLVER(interior_point)
LC_SOLVER(dual)
