# SPDX-License-Identifier: MIT
# Sourced by unikernel.sh, after packages.sh: provides vpt_lwip, the TCP/IP code of the unikernel. It is Debian's source
# package "lwip", of a fixed version. The machine's own package sources stay as they are.

lwip_version=2.1.3+dfsg1
lwip_revision=2
lwip_sha256=0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24
lwip_debian=${VPT_DEBIAN:-http://deb.debian.org/debian} # a mirror may be named
lwip_release=bookworm
lwip_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# Usage: lwip_download DIRECTORY: runs apt-get with lists, a cache and a source of its own
lwip_download() {
    local directory=$1 apt
    apt=(timeout 120 apt-get -qq -o "Dir::Etc::SourceList=$directory/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$directory/lists" -o "Dir::Cache=$directory/cache" -o APT::Sandbox::User=root
        -o Acquire::Retries=2 -o Acquire::http::Timeout=20)
    mkdir -p "$directory/lists/partial" "$directory/cache/archives/partial" || return 1
    echo "deb-src [signed-by=$lwip_keys] $lwip_debian $lwip_release main" >"$directory/sources.list" || return 1
    # apt-get source puts the files into the current folder.
    (cd "$directory" && "${apt[@]}" update &&
        "${apt[@]}" --download-only source "lwip=$lwip_version-$lwip_revision") </dev/null >"$directory/log" 2>&1 ||
        { cat "$directory/log" >&2; return 1; }
    rm -rf "$directory/lists" "$directory/cache" # tens of megabytes
}

# Usage: vpt_lwip DIRECTORY: sets vpt_lwip_source, the folder of lwIP's sources there. Downloads them once. Only the
# original's sources are used: Debian's changes are for sockets, PPP and building a shared library.
vpt_lwip() {
    local directory=$1 archive=$1/lwip_$lwip_version.orig.tar.xz
    vpt_lwip_source=$directory/sources-${lwip_sha256:0:8}/src
    [ ! -e "$vpt_lwip_source/Filelists.mk" ] || return 0
    vpt_need_packages xz-utils || return 1
    mkdir -p "$directory" "${vpt_lwip_source%/src}" || return 1
    sha256sum --check --status <<<"$lwip_sha256  $archive" 2>/dev/null || lwip_download "$directory" || return 1
    sha256sum --check --quiet <<<"$lwip_sha256  $archive" >&2 || return 1
    # Filelists.mk comes last, so that an extraction that was interrupted is repeated.
    tar -C "${vpt_lwip_source%/src}" --strip-components=1 --exclude=Filelists.mk -xf "$archive" &&
        tar -C "${vpt_lwip_source%/src}" --strip-components=1 -xf "$archive" --wildcards '*/src/Filelists.mk'
}
