"""Design-space exploration: from a trained model to a measured Pareto front."""
