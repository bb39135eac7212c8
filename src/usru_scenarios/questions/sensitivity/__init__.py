"""What matters for the forecast: drivers, weights and judgements."""
