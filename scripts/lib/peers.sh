# shellcheck shell=bash
# Builds other people's programs from the pins in tests/peers. Sourced by scripts/test.
# shellcheck disable=SC2154,SC2034 # scripts/test says what may be done, and reads what became of it

# build_peer NAME FOLDER PACKAGE: builds a program with Go from the pins in a folder, and sets `built`, or `why` not.
build_peer() {
    built=$target/peers/$1
    if [ -x "$built" ] && [ "$built" -nt "$2/go.sum" ]; then
        return
    elif [ "$install" = no ]; then
        why="no $1 program, and --no-install was given"
    elif ! command -v go >/dev/null; then
        why="no $1 program, and no Go to build one"
    else
        echo
        echo "building $1 from the pins in $2; this takes some minutes, once"
        run "$1 build" env -C "$2" go build -o "$built" "$3"
        [ "$last_rc" -ne 0 ] || return 0
        why="$1 could not be built"
    fi
    return 1
}

# find_browser: whether there is a browser that can be driven, installed if need be; or else sets `why` not.
find_browser() {
    if [ -n "${CHIMERA_TEST_CHROMEDRIVER:-}" ] || command -v chromedriver >/dev/null; then
        return
    elif [ "$install" = no ]; then
        why="no chromedriver, and --no-install was given"
    elif ! install_packages chromium chromium-driver; then
        why="no chromedriver, and none could be installed; set CHIMERA_TEST_CHROMEDRIVER"
    else
        return 0
    fi
    return 1
}

# python_with REQUIREMENTS: an interpreter that has what a file lists. Sets `built`, or `why` not.
python_with() {
    local place=$target/peers/python
    built=${CHIMERA_TEST_PYTHON:-$place/bin/python}
    if [ -n "${CHIMERA_TEST_PYTHON:-}" ] || { [ -x "$built" ] && [ "$place/requirements.txt" -nt "$1" ]; }; then
        return
    elif [ "$install" = no ]; then
        why="no Python with $1, and --no-install was given"
    elif ! python3 -c "import ensurepip" 2>/dev/null && ! install_packages python3 python3-venv; then
        why="no python3 that makes environments"
    else
        run "python packages" make_python "$place" "$1"
        [ "$last_rc" -ne 0 ] || return 0
        why="the packages of $1 could not be had"
    fi
    why+="; set CHIMERA_TEST_PYTHON to one"
    return 1
}

make_python() {
    python3 -m venv --clear "$1" || return
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2" || return
    cp "$2" "$1/requirements.txt"
}
