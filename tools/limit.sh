# SPDX-License-Identifier: MIT
# Sourced by the scripts that run something for a limited time: provides vpt_limit, vpt_must and vpt_end_jobs.
#
# A limit is there to end what hangs, not what is slow. So each is written as the seconds that the command takes alone
# on an idle computer with two CPUs, and VPT_PATIENCE times that (10 if it is not set), at least a minute, may pass.

# Usage: vpt_limit SECONDS COMMAND...: runs the command, and returns its status, or 124 where it ran out of time.
# Leaves in vpt_ended how it ended, in words, for the line that tells of a failure.
vpt_limit() {
    local limit=$((($1 > 6 ? $1 : 6) * ${VPT_PATIENCE:-10})) started=$SECONDS status
    shift
    timeout --kill-after=10 "$limit" "$@"
    status=$?
    vpt_ended="status $status"
    # By themselves these do not say it: a command within this one may have run out of its time, or memory.
    if { [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; } && [ $((SECONDS - started)) -ge "$limit" ]; then
        status=124 vpt_ended="ran out of time (limit $limit s)"
    fi
    return "$status"
}

# Usage: vpt_must LOG SECONDS COMMAND...: the same for what has to pass for the script to go on; what the command says
# goes to LOG, and is shown only if it fails.
vpt_must() {
    local log=$1
    shift
    vpt_limit "$@" >"$log" 2>&1 && return
    cat "$log"
    printf 'FAIL\t%s\t%s\n' "${*:2}" "$vpt_ended"
    exit 1
}

# Usage: vpt_end PID: ends a process and all that it has begun. Each is stopped first, so that it begins nothing more.
vpt_end() {
    local child
    kill -STOP "$1" 2>/dev/null || return
    for child in $(cat "/proc/$1"/task/*/children 2>/dev/null); do
        vpt_end "$child"
    done
    kill -TERM "$1"
    kill -CONT "$1"
}

# Ends the script and its jobs: for its trap of SIGINT, which jobs ignore. A limited command is not in the script's
# process group, where it could be reached.
vpt_end_jobs() {
    local job
    trap '' INT
    for job in $(jobs -p); do
        vpt_end "$job"
    done
    exit 130
}
