"""What a training process has for its callback: weights, snapshots, the interval between syncs."""
