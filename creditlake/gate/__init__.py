"""The gate: reads one candidate beside the published release and says pass or hold (architecture.md §7).

`verdict.judge` is the door; the modules beside it are one kind of check each.
"""
