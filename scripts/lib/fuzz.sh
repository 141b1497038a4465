# shellcheck shell=bash
# Feeds the propagator with broken headers for a while. Sourced by scripts/test.
# shellcheck disable=SC2154 # scripts/test and the files beside this one set what is not set here

# From another place each day, which the figure names, so that what was found can be found again.
fuzz() {
    cargo build "${all[@]}" --example fuzz_headers || return
    "$target/debug/examples/fuzz_headers" --seconds "${CHIMERA_TEST_FUZZ_SECONDS:-25}" --seed "$(date +%Y%m%d)"
}
