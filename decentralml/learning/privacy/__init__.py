"""What a merged model may tell of those who made it: differential privacy, secure aggregation."""
