"""What a node does in the rounds of its swarm."""
