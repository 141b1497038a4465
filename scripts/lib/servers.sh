# shellcheck shell=bash
# Finds the servers that tests need, and gets those that this machine lacks. Sourced by scripts/test.
#
# The tests read the variables that are set here; tests/servers/README.md lists them.
# shellcheck disable=SC2154 # what is not set here, scripts/test and the files beside this one set

# Where each server was found, and why it was not.
declare -A found=() missing=()

# What is asked for in the environment, and the program, package and image. The images are those of docker-compose.yml.
declare -A url_of=([rabbitmq]=CHIMERA_TEST_AMQP_URL [redis]=CHIMERA_TEST_REDIS_URL
    [mongodb]=CHIMERA_TEST_MONGODB_URL [influxdb]=CHIMERA_TEST_INFLUXDB_URL)
declare -A variable_of=([rabbitmq]=CHIMERA_TEST_RABBITMQ [redis]=CHIMERA_TEST_REDIS
    [mongodb]=CHIMERA_TEST_MONGODB [influxdb]=CHIMERA_TEST_INFLUXDB)
declare -A program_of=([rabbitmq]=rabbitmq-server [redis]=redis-server [mongodb]=mongod [influxdb]=influxd)
declare -A package_of=([rabbitmq]=rabbitmq-server [redis]=redis-server [influxdb]=influxdb)
declare -A image_of=([rabbitmq]=rabbitmq:4-management [redis]=redis:8 [mongodb]=mongo:8 [influxdb]=influxdb:1.8)

# find_servers NAME…: sets `found` or `missing` for each, and what tests have to know of it in the environment.
find_servers() {
    local name packages=() unnamed
    echo
    for name in "$@"; do
        here "$name" || { [ -n "${package_of[$name]:-}" ] && packages+=("${package_of[$name]}"); } || true
    done
    if [ ${#packages[@]} -gt 0 ] && [ "$install" = yes ]; then
        install_packages "${packages[@]}" || true
    fi
    for name in "$@"; do
        if here "$name" || in_a_container "$name" || { [ "$name" = mongodb ] && ferretdb; }; then
            printf '%-9s %s\n' "$name" "${found[$name]}"
            continue
        fi
        unnamed="no ${program_of[$name]}; set ${variable_of[$name]} to the program, or ${url_of[$name]}"
        [ "$install" = yes ] || unnamed+="; --no-install was given"
        missing[$name]=$unnamed
        printf '%-9s missing: %s\n' "$name" "$unnamed"
    done
}

# What the environment names, and what is on the PATH, where programs for administrators may not be.
here() {
    local url=${url_of[$1]} variable=${variable_of[$1]} image program
    image=${variable}_IMAGE
    if [ -n "${!url:-}" ]; then
        # Its password is not for the log.
        found[$1]="the server that $url names"
    elif [ -n "${!variable:-}" ]; then
        found[$1]=${!variable}
    elif [ -n "${!image:-}" ]; then
        found[$1]="image ${!image}"
    elif program=$(PATH=$PATH:/usr/local/sbin:/usr/sbin command -v "${program_of[$1]}"); then
        found[$1]=$program
    else
        return 1
    fi
}

# The image that docker-compose.yml names, or else that of the table.
image() {
    local base=${image_of[$1]%%:*} named
    named=$(sed -n "s/^ *image: *\"\?\($base:[^\" ]*\).*/\1/p" docker-compose.yml 2>/dev/null | head -n 1)
    echo "${named:-${image_of[$1]}}"
}

in_a_container() {
    local image
    docker_answers || return 1
    image=$(image "$1")
    fetch_image "$image" || return 1
    export "${variable_of[$1]}_IMAGE=$image"
    found[$1]="image $image"
}

# There is no package of MongoDB: this speaks its protocol.
ferretdb() {
    build_peer ferretdb tests/peers/mongodb . || return 1
    export CHIMERA_TEST_MONGODB=$built
    found[mongodb]="$built, as there is no package of MongoDB"
}

# servers_part NAME "SERVER…" COMMAND…: a part that needs servers.
servers_part() {
    local name="servers: $1" server unknown=()
    wanted "$name" || return 0
    for server in $2; do
        [ -n "${found[$server]:-}${missing[$server]:-}" ] || unknown+=("$server")
    done
    [ ${#unknown[@]} -eq 0 ] || find_servers "${unknown[@]}"
    for server in $2; do
        if [ -n "${missing[$server]:-}" ]; then
            skip "$name" "${missing[$server]}"
            return
        fi
    done
    shift 2
    part "$name" "$@"
}
