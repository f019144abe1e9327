#!/bin/sh
# Writes the root file system of a small Debian trixie as a tar archive: the stand-in for debian:trixie-slim where no image hub
# can be reached. Needs root, debootstrap and Debian's archive over http.
#
#   bootstrap.sh WORKDIR ARCHIVE     WORKDIR must not exist; it is removed again
set -eu

work=$1
archive=$2
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}

# An older debootstrap may not know the suite by name; all suites since 2020 are laid out by the script "sid".
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase trixie "$work" "$mirror" /usr/share/debootstrap/scripts/sid

rm -f "$work/etc/apt/sources.list"
cat > "$work/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: $security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES

# As in the slim images: no manuals, no translations, no package caches, no service started by an installation.
cat > "$work/etc/dpkg/dpkg.cfg.d/slim" <<'DPKG'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/info/*
force-unsafe-io
DPKG
cat > "$work/etc/apt/apt.conf.d/slim" <<'APT'
APT::Install-Recommends "false";
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT
printf '#!/bin/sh\nexit 101\n' > "$work/usr/sbin/policy-rc.d"
chmod 755 "$work/usr/sbin/policy-rc.d"

find "$work/usr/share/doc" -type f ! -name copyright -delete
find "$work/usr/share/doc" -type l -delete
find "$work/usr/share/doc" -depth -type d -empty -delete
rm -rf "$work"/usr/share/man/* "$work"/usr/share/locale/* "$work"/usr/share/info/* \
  "$work"/var/lib/apt/lists/* "$work"/var/cache/apt/* "$work"/var/cache/debconf/*-old "$work"/var/log/*
rm -f "$work/etc/hostname" "$work/etc/resolv.conf" "$work/etc/machine-id"
: > "$work/etc/machine-id"

tar --numeric-owner --sort=name --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* -C "$work" -cf "$archive" .
