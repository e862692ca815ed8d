"""Onboarding: from a department's sample files to a contract draft, and from a contract to a first look."""
