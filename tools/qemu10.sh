# SPDX-License-Identifier: MIT
# Sourced by the other scripts: provides vpt_unpack_qemu10 and vpt_use_qemu10, for what QEMU 7.2 of Debian 12 lacks.

# Usage: vpt_unpack_qemu10 DIRECTORY PACKAGE...
# Unpacks these packages of bookworm-backports into DIRECTORY/qemu, with package lists of its own in DIRECTORY/apt, and
# installs nothing. Does nothing if it has done so before. Returns non-zero if a package cannot be fetched.
vpt_unpack_qemu10() (
    apt=$1/apt
    mkdir -p "$apt"/{lists,archives}/partial "$1/qemu" || exit 1
    cd "$1" || exit 1
    shift
    [ "$(cat apt/unpacked 2>/dev/null)" != "$*" ] || exit 0
    # The archive is the one that this machine gets Debian 12 from.
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 'Created-By: Packages' | head -n 1)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${archive:?} bookworm-backports main" \
        >"$apt/sources.list"
    options=(-qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives")
    cd "$apt/archives" && apt-get "${options[@]}" update && apt-get "${options[@]}" download "$@" || exit 1
    for package in *.deb; do
        dpkg -x "$package" ../../qemu || exit 1
    done
    echo "$*" >../unpacked
)

# Usage: vpt_use_qemu10 DIRECTORY: programs that are started from here on find the QEMU of DIRECTORY/qemu first.
vpt_use_qemu10() {
    PATH=$1/qemu/usr/bin:$PATH
    QEMU_MODULE_DIR=$(echo "$1"/qemu/usr/lib/*/qemu)
    export PATH QEMU_MODULE_DIR
}
