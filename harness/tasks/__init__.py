"""What follows from the task of a data set: the width of the output, the scores, the loss of CTC."""
