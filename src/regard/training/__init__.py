"""How a model learns: schedules, the run that can stop and go on, and what is told of it."""
