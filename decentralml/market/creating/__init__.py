"""What a creator does: offer, post, invite, appoint, decide, clear."""
