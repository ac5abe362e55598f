"""The tasks of data sets: width of the model's output, scores, and CTC."""
