"""Word vectors from files: reading them, finding the words of a vocabulary, and keeping the rows that were found."""
