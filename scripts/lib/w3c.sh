# shellcheck shell=bash
# Runs the official suite of W3C Trace Context against a program of ours. Sourced by scripts/test.
# shellcheck disable=SC2154 # scripts/test and the files beside this one set what is not set here

# How many tests the suite has at level 2. Fewer would mean that it was not run whole.
w3c_tests=41

w3c() {
    local why built suite=${CHIMERA_TEST_W3C:-}
    wanted "w3c" || return 0
    if [ -z "$suite" ]; then
        skip "w3c" "no suite; set CHIMERA_TEST_W3C to the folder \`test\` of github.com/w3c/trace-context"
    elif ! python_with tests/python/requirements.txt; then
        skip "w3c" "$why"
    else
        part "w3c" w3c_suite "$suite" "$built"
    fi
}

# w3c_suite DIRECTORY PYTHON: starts the program, lets the suite ask it, and says how many of its tests passed.
w3c_suite() {
    local said=$work/w3c-service log=$work/w3c-suite service address port passed rc=0
    cargo build "${all[@]}" --example w3c_service || return
    "$target/debug/examples/w3c_service" 127.0.0.1:0 >"$said" &
    service=$!
    for _ in {1..100}; do
        address=$(cat "$said")
        [ -z "$address" ] || break
        sleep 0.1
    done
    port=$("$2" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    env -C "$1" PYTHONDONTWRITEBYTECODE=1 SPEC_LEVEL=2 STRICT_LEVEL=2 HARNESS_PORT="$port" \
        "$2" test.py "http://$address/test" 2>&1 | tee "$log" || rc=$?
    kill "$service"
    passed=$(grep -c ' \.\.\. ok$' "$log" || true)
    echo "figure: W3C Trace Context's own suite, level 2: $passed of $w3c_tests tests passed"
    [ "$rc" -eq 0 ] && [ "$passed" -eq "$w3c_tests" ]
}
