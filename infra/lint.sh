#!/bin/bash
# All linters, all findings: one that fails does not hide the next.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
check() { # name, command…
    local name="$1"
    shift
    "$@" || failed+=("$name")
}

check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy" mypy --strict creditlake
check "sqlfluff" sqlfluff lint dbt_project --dialect duckdb --disable-progress-bar
check "yamllint" yamllint --strict .

if [ ${#failed[@]} -gt 0 ]; then
    printf 'lint: failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
