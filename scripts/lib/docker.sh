# shellcheck shell=bash
# The docker engine: the one that runs, or one that is started here and ended with the run. Sourced by scripts/test.
# shellcheck disable=SC2154,SC2034 # scripts/test says what may be done, and reads why it was not

# Its process, when it is ours.
engine=

docker_answers() { docker version >/dev/null 2>&1; }

# start_docker: an engine, or else the reason in `why`. Takes root.
start_docker() {
    docker_answers && return
    if ! { command -v docker && command -v dockerd; } >/dev/null; then
        if [ "$install" = no ]; then
            why="docker is not installed, and --no-install was given"
            return 1
        fi
        local packages=(docker.io)
        ! apt-cache show docker-cli >/dev/null 2>&1 || packages+=(docker-cli)
        install_packages "${packages[@]}" || { why="docker is not installed" && return 1; }
    fi
    echo "starting a docker engine"
    mkdir -p "$logs/servers"
    # In a group of its own, so that Ctrl-C leaves its end to us.
    set -m
    as_root dockerd >"$logs/servers/dockerd.log" 2>&1 </dev/null &
    engine=$!
    set +m
    local tick
    for tick in {1..60}; do
        docker_answers && return
        kill -0 "$engine" 2>/dev/null || break
        sleep 1
    done
    tail -n 5 "$logs/servers/dockerd.log"
    end_docker
    why="the docker engine did not start within $tick s"
    return 1
}

# The engine is a child of the shell that began it, or of sudo, and has children of its own: its group ends.
end_docker() {
    [ -n "$engine" ] || return 0
    local tick
    # By itself it ends its containers and what it started; after half a minute it is told less kindly.
    as_root pkill -g "$engine" -x dockerd || as_root kill -- "-$engine" 2>/dev/null || true
    for tick in {1..300}; do
        as_root kill -0 -- "-$engine" 2>/dev/null || break
        sleep 0.1
        [ "$tick" -lt 300 ] || as_root kill -KILL -- "-$engine" 2>/dev/null || true
    done
    wait "$engine" 2>/dev/null || true
    engine=
}

# fetch_image IMAGE: has it here. CHIMERA_TEST_STAND_INS names a program that builds images of given names, for machines
# that reach no registry of images.
fetch_image() {
    docker image inspect "$1" >/dev/null 2>&1 && return
    [ "$install" = yes ] || return 1
    echo "fetching the image $1"
    timeout 600 docker pull --quiet "$1" >"$logs/pull.log" 2>&1 && return
    [ -n "${CHIMERA_TEST_STAND_INS:-}" ] || return 1
    echo "no registry has it for us: building a stand-in"
    "$CHIMERA_TEST_STAND_INS" "$1" >"$logs/stand-in.log" 2>&1
}
