# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Shared by every script of virtme/: where things lie, how progress is shown,
# how root is obtained, and how a command runs inside the guest root.
#
# Invariants: nothing outside $CACHE and the repository is written; the guest
# root is changed by virtme/guest-root alone; a mount made here lives in a
# mount namespace of its own and is gone with the command.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Under sudo, the cache stays the one of the user who called.
cache_home() {
	local home=$HOME

	if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ]; then
		home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
	fi
	echo "${home:-/root}/.cache"
}

CACHE=${KTCPVS_CACHE:-$(cache_home)/ktcpvs}
ROOT=$CACHE/root
KERNELS=$CACHE/kernels
BUSYBOX=$ROOT/usr/bin/busybox

T0=${KTCPVS_T0:-$(date +%s)}
export KTCPVS_T0=$T0

# One line a step with the time since the outermost command began.
step() {
	local s=$(($(date +%s) - T0))

	printf '[%3d:%02d] %s\n' $((s / 60)) $((s % 60)) "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# as_root COMMAND...: directly, by sudo, or not at all with the reason.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo --preserve-env=KTCPVS_T0,KTCPVS_CACHE,KTCPVS_MIRROR,DEBIAN_FRONTEND "$@"
	else
		die "needs root for: $1 (no sudo here; run as root, or install sudo)"
	fi
}

# run_logged LOG COMMAND...: quiet while it works, the log's end when it fails.
run_logged() {
	local log=$1
	shift
	mkdir -p "${log%/*}"
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "failed: $* (whole log: $log)"
	fi
}

# kernel_release ALIAS: the release behind 6.12, newest or debug; any other
# name is taken as a release.
kernel_release() {
	if [ -f "$KERNELS/$1/release" ]; then
		cat "$KERNELS/$1/release"
	else
		echo "$1"
	fi
}

# kernel_suits RELEASE: or say that it is too old. The compiler would say so
# too (module/compat.h), after more words.
kernel_suits() {
	[ "$(printf '%s\n6.12.43\n' "${1%%[-+_]*}" | sort -V | head -n1)" = 6.12.43 ] ||
		die "kernel $1 is older than 6.12.43, which ktcpvs needs"
}
