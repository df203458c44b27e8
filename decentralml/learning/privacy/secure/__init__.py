"""A sum of updates of which nobody, the server included, sees a single one.

Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning (2017),
https://eprint.iacr.org/2017/281, figure 4 with the parts against an active adversary.

:mod:`.agreement` is what all have to agree on first, :mod:`.client` and :mod:`.server` are the two
state machines, :mod:`.messages` what travels between them, :mod:`.driver` runs them in one process
and :mod:`.sockets` in many.
Below: :mod:`.keys`, :mod:`.masks`, :mod:`.shares`, :mod:`.fixed_point`, :mod:`.vector`,
:mod:`.codec`. See docs/secure_aggregation.md.
"""
