"""Ids of an earlier archive (迁移): brought in by a mapping, resolvable for ever, compared in a report."""
