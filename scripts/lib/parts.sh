# shellcheck shell=bash
# Runs the parts of a test run, and remembers what became of them. Sourced by scripts/test.

work=$(mktemp -d "${TMPDIR:-/tmp}/chimera-test.XXXXXX")
logs=$work/logs
# Whatever a test leaves behind is left in there.
export TMPDIR=$work/tmp
mkdir -p "$logs" "$TMPDIR"
failed=() skipped=() figures=() took=()
started=$(date +%s)
last_rc=0 last_seconds=0

# After how many seconds a part has hung.
limit=${CHIMERA_TEST_LIMIT:-2400}

# A part runs in a process group of its own, so that all it started can be ended with it, also after Ctrl-C.
group=
end_group() {
    [ -n "$group" ] || return 0
    local tick signal=TERM
    # It is asked once; what is still there after ten seconds is not asked.
    for tick in {1..150}; do
        kill -"$signal" -- "-$group" 2>/dev/null || break
        sleep 0.1
        signal=0
        [ "$tick" -lt 100 ] || signal=KILL
    done
    group=
}
cleanup() {
    trap - EXIT
    trap '' INT TERM HUP
    end_group
    end_docker
    # Servers end with the process that started them, and may be writing until then.
    rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }
}
trap cleanup EXIT
trap 'echo; echo "scripts/test: interrupted, ending what was started"; exit 130' INT TERM HUP

# some_tests COMMAND…: runs it, and fails as well when its filter has left no test to run.
some_tests() {
    "$@" 2>&1 | tee "$work/some-tests"
    grep -q '^running [1-9]' "$work/some-tests" || { echo "no test was run" && return 1; }
}

# wanted NAME: whether --only lets this part run.
wanted() { [ -z "$only" ] || [[ $1 == *"$only"* ]]; }

# run NAME COMMAND…: runs it, shows what it prints, and leaves in last_rc and last_seconds what became of it.
run() {
    local name=$1 begin output writer watch
    shift
    printf '\n== %s\n' "$name"
    begin=$(date +%s)
    last_rc=0
    exec {output}> >(exec tee -i "$logs/${name//[^a-z0-9]/-}.log")
    writer=$!
    set -m
    "$@" >&"$output" 2>&1 </dev/null &
    group=$!
    sleep "$limit" && echo "ended after $limit s, which is too long" >&"$output" && kill -TERM -- "-$group" &
    watch=$!
    set +m
    exec {output}>&-
    wait "$group" || last_rc=$?
    kill -- "-$watch" 2>/dev/null || true
    wait "$watch" 2>/dev/null || true
    end_group
    # Its last lines are to stand above what comes now.
    wait "$writer" || true
    last_seconds=$(($(date +%s) - begin))
    took+=("$(printf '%5s s  %s' "$last_seconds" "$name")")
}

# part NAME COMMAND…: runs it; when it fails, so does the run.
part() {
    wanted "$1" || return 0
    run "$@"
    verdict "$1"
}

verdict() {
    if [ "$last_rc" -eq 0 ]; then
        printf '== %s: ok after %s s\n' "$1" "$last_seconds"
    else
        failed+=("$1")
        printf '== %s: FAILED after %s s\n' "$1" "$last_seconds"
    fi
}

# part_if_possible NAME COMMAND…: the same; what ends with 3 says in its last line why it could not be tried here.
part_if_possible() {
    wanted "$1" || return 0
    run "$@"
    if [ "$last_rc" -eq 3 ]; then
        skip "$1" "$(tail -n 1 "$logs/${1//[^a-z0-9]/-}.log")"
    else
        verdict "$1"
    fi
}

# skip NAME WHY: says now and in the summary that a part was not run.
skip() {
    wanted "$1" || return 0
    echo
    echo "== $1: SKIPPED: $2"
    skipped+=("$1: $2")
}

# What all parts have printed.
printed() { find "$logs" -maxdepth 1 -name '*.log' -exec cat {} +; }

# summary: what took how long, what was measured, skipped and failed. False when something failed.
summary() {
    printf '\n== summary after %s s\n' $(($(date +%s) - started))
    if [ ${#took[@]} -eq 0 ] && [ ${#skipped[@]} -eq 0 ]; then
        failed+=("no part has \"$only\" in its name")
    fi
    [ ${#took[@]} -eq 0 ] || printf '  took     %s\n' "${took[@]}"
    local line
    while read -r line; do
        figures+=("$line")
    done < <(printed | sed -n 's/^.*figure: //p')
    [ ${#figures[@]} -eq 0 ] || printf '  figure   %s\n' "${figures[@]}"
    [ ${#skipped[@]} -eq 0 ] || printf '  SKIPPED  %s\n' "${skipped[@]}"
    if [ ${#skipped[@]} -gt 0 ] && [ "${CI:-}" = true ]; then
        failed+=("skipped parts, which CI forbids")
    fi
    if [ ${#failed[@]} -gt 0 ]; then
        printf '  FAILED   %s\n' "${failed[@]}"
        rm -rf .test-logs && cp -r "$logs" .test-logs && printf '  logs     %s\n' "$PWD/.test-logs"
    fi
    # The sum of every test binary's closing line, as cargo prints it.
    printed | awk -v parts=${#failed[@]} -v seconds=$(($(date +%s) - started)) '
        /^test result: / { passed += $4; failed += $6; ignored += $8 }
        END {
            printf "\ntest result: %s. %d passed; %d failed; %d ignored; 0 measured; 0 filtered out; finished in %d.00s\n",
                (failed + parts == 0 ? "ok" : "FAILED"), passed, failed, ignored, seconds
        }'
    [ ${#failed[@]} -eq 0 ]
}
