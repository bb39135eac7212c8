"""The ledger of forecasts: records in a chain of hashes, what they come to, and why two of them differ."""
