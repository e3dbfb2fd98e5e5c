# SPDX-License-Identifier: MIT
# Sourced by the other scripts: provides vpt_need_packages.

# Usage: vpt_need_packages PACKAGE...
# Installs those of the named Debian packages that are missing. Needs root (or sudo) only when something is missing.
# Returns non-zero when one cannot be installed.
vpt_need_packages() {
    local missing=() package as_root=()
    for package in "$@"; do
        # dpkg-query also knows removed packages, so the state has to be read, not only the exit status.
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
    echo "installing: ${missing[*]}" >&2
    if [ -z "${VPT_APT_UPDATED:-}" ]; then
        "${as_root[@]}" apt-get -qq update </dev/null >&2 || return 1
        # Exported so that the scripts started from this one do not refresh the lists again.
        export VPT_APT_UPDATED=1
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        --no-install-recommends install "${missing[@]}" \
        </dev/null >&2
}
