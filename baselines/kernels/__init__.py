"""What several metrics share: input checks, linear algebra, streaming statistics, discriminants."""
