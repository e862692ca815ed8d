"""Marts: what a build reads, its private database, the dbt run, and the candidate's tables."""
