"""Simulated benchmarks whose true values are known: do the statistics keep their promises?"""
