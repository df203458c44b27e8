"""Programs that do a role's work by themselves: a worker's, an aggregator's.

Each is a *visit* that does all that is due now and can be made again at any moment (:mod:`.worker`,
:mod:`.aggregator`), repeated until somebody stops it (:mod:`.loop`). What has been decided or
trained is on the disk or on the chain before the next step, so a restart repeats nothing.
"""
