#!/bin/bash
# The Python environment (.venv, exactly uv.lock) and Java for Spark. The second call takes a second.
source "$(dirname "$0")/common.sh"

UV_VERSION=0.13.9 # only used where there is no uv
PYTHON_VERSION=3.11
JAVA_WANTED="17 21" # what Spark 4 runs on, the tested one first

ensure_uv() {
    uv --version > /dev/null 2>&1 && return
    python3 -m pip --version > /dev/null 2>&1 || apt_install python3-pip
    say "installing uv $UV_VERSION into $TOOLS/uv (pip)"
    # --target: leaves the machine's own Python alone, as Debian demands
    python3 -m pip install --quiet --upgrade --target "$TOOLS/uv" "uv==$UV_VERSION" >&2 ||
        fail "pip could not install uv" "python3 -m pip install uv"
    ln -sf "$TOOLS/uv/bin/uv" "$TOOLS/bin/uv"
    hash -r
}

java_release() { # major version of a java program, nothing if it is none
    "$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'
}

find_java() { # prints the home of a usable Java
    local program
    for wanted in $JAVA_WANTED; do
        for program in "${JAVA_HOME:-/none}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
            if [ -x "$program" ] && [ "$(java_release "$program")" = "$wanted" ]; then
                dirname "$(dirname "$(readlink -f "$program")")"
                return
            fi
        done
    done
}

ensure_java() {
    JAVA_FOUND="$(find_java)"
    if [ -z "$JAVA_FOUND" ]; then
        for wanted in $JAVA_WANTED; do
            if apt-cache show "openjdk-$wanted-jre-headless" > /dev/null 2>&1; then break; fi
        done
        apt_install "openjdk-$wanted-jre-headless"
        JAVA_FOUND="$(find_java)"
    fi
    [ -n "$JAVA_FOUND" ] || fail "no Java 17" "apt-get install -y openjdk-17-jre-headless"
}

ensure_python() { # the machine's own 3.11, else one that uv fetches from GitHub into our folder, else Debian's
    export UV_PYTHON_INSTALL_DIR="${UV_PYTHON_INSTALL_DIR:-$TOOLS/python}"
    uv python find --quiet "$PYTHON_VERSION" > /dev/null 2>&1 && return
    say "installing Python $PYTHON_VERSION into $UV_PYTHON_INSTALL_DIR (uv)"
    uv python install --quiet "$PYTHON_VERSION" && return
    if apt-cache show "python$PYTHON_VERSION" > /dev/null 2>&1; then
        apt_install "python$PYTHON_VERSION" && return
    fi
    fail "no Python $PYTHON_VERSION: uv could not fetch one (see above)" "uv python install $PYTHON_VERSION  # needs github.com"
}

ensure_packages() {
    [ -x "$ROOT/.venv/bin/creditlake" ] || say "installing the Python environment (first time: some minutes)"
    (cd "$ROOT" && uv sync --locked --quiet) ||
        fail "uv could not build the environment from uv.lock" "cd $ROOT && uv sync --locked"
}

write_environment() { # what a shell needs to use this clone: `source var/environment`
    mkdir -p "$ROOT/var"
    cat > "$ROOT/var/environment.draft" << END
export JAVA_HOME="$JAVA_FOUND"
export CREDITLAKE_TOOLS="$TOOLS"
export CREDITLAKE_SPARK_CLASSES="\${CREDITLAKE_SPARK_CLASSES:-$TOOLS/spark-classes.jsa}"
export CREDITLAKE_S3_JARS="\${CREDITLAKE_S3_JARS:-$TOOLS/s3-jars}"
export PATH="$ROOT/.venv/bin:$TOOLS/bin:\$PATH"
# what would else write into the home folder, or call home
export AIRFLOW_HOME="\${AIRFLOW_HOME:-$ROOT/var/airflow}"
export DO_NOT_TRACK=1 GX_ANALYTICS_ENABLED=false AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
END
    mv "$ROOT/var/environment.draft" "$ROOT/var/environment"
}

ensure_uv
ensure_java
ensure_python
ensure_packages
write_environment
