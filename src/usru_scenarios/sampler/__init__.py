"""The Monte Carlo engine: draws trials in blocks, free or under observations, and estimates with standard errors."""
