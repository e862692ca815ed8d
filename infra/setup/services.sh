#!/bin/bash
# What the tests against real services need beyond environment.sh; a second call takes no time.
set -euo pipefail
here="$(dirname "$0")"
"$here/minio.sh"
"$here/s3_jars.sh"
"$here/sshd.sh"
