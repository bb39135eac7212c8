"""The Monte Carlo engine: draws worlds in blocks, free or under observations, and estimates with standard errors."""
