"""Why a result was paid, or was not: histories, sums, receipts."""
