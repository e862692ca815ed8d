"""Row work at scale: standardise and link, as Spark applications over pure DataFrame functions."""
