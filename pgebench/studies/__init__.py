"""Studies beside the experiments: of PGE itself, and of the statistics."""
