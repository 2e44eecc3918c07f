"""Where learners' code runs: a `session` talks to worker processes, each behind `walls` of its own."""
