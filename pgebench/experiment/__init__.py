"""An experiment: plan, launch, publish."""
