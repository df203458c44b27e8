"""What programs that work by themselves share: stopping, telling, being alone, whole files."""
