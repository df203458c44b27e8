"""Metrics of each type of model, measured from its predictions and the creator's labels."""
