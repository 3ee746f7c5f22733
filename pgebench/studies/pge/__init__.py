"""The study of PGE itself: convergence, ablation and controls, on principal gradients alone."""
