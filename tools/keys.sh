# SPDX-License-Identifier: MIT
# Sourced by the scripts that use a guest's keyboard: provides vpt_type, which prints commands of the QEMU Machine
# Protocol.

# Usage: vpt_press KEY: presses a key and releases it.
vpt_press() {
    local key down
    for down in true false; do
        key="{'type': 'key', 'data': {'down': $down, 'key': {'type': 'qcode', 'data': '$1'}}}"
        echo "{'execute': 'input-send-event', 'arguments': {'events': [$key]}}"
    done
}

# Usage: vpt_type LINE LOG...: types the line for each example kernel, once it says in its log that it listens.
vpt_type() {
    local log i
    echo "{'execute': 'qmp_capabilities'}"
    for log in "${@:2}"; do
        until grep -q '^@listens' "$log" 2>/dev/null; do
            sleep 0.02
        done
        for ((i = 0; i < ${#1}; i++)); do
            vpt_press "${1:i:1}"
        done
        vpt_press ret
    done
}
