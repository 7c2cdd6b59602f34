# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Source after common.sh: puts "go" and "python3" as this project runs them
# first in PATH, for scripts that call them by name.

tools_path() {
	local dir=$CACHE/path

	mkdir -p "$dir"
	ln -sfn "$REPO/virtme/go" "$dir/go"
	ln -sfn "$REPO/virtme/root-exec" "$dir/python3"
	export KTCPVS_ROOT=$ROOT
	KTCPVS_PATH=$PATH
	PATH=$dir:$PATH
	export PATH KTCPVS_PATH
}
