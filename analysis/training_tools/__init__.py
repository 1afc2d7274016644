"""The training tools against plain baselines at equal budgets of gradient evaluations; see README.md."""
