"""Do the statistics keep their promises? Simulated benchmarks whose true values are known."""
