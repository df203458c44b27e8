"""What a member of a panel does: form an opinion, commit, reveal, release."""
