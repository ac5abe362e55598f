"""A search by Optuna: which settings to try next, by the validation scores of the trials before."""
