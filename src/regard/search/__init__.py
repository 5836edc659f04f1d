"""Find the tokens: greedy, by beam or by sampling, over any engine."""
