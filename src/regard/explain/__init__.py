"""One translation explained: words, weights, probabilities, runners-up, and what if."""
