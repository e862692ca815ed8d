"""Ways to look at what happened: status, queries, traces, the summary of a day. Nothing here writes."""
