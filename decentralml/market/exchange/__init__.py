"""What passes between them: bundles and results, verified, and the keys that open them."""
