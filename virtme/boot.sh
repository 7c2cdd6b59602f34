# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
#
# The parts of virtme/vm: choosing the accelerator, making the initramfs,
# booting, and judging the run. Sourced by vm alone; $run is its private
# directory, shared with the guest as "run":
#
#	job		what guest-init runs (bash)
#	started		written right before the command begins
#	status		the command's exit status, written last
#	dmesg, leaks	kernel log and kmemleak report, written before status
#	console		the serial console, written by qemu
#	out, err	FIFOs the command's output comes through

# The guest gets its orders as a bash file: no quoting is lost on the way.
write_job() {
	local v cwd

	cwd=$(pwd -P)
	case $cwd/ in "$REPO"/*) ;; *) cwd=$REPO ;; esac
	{
		printf 'JOB_REPO=%q\nJOB_CWD=%q\nJOB_TTY=%q\nJOB_KMEMLEAK=%q\n' \
			"$REPO" "$cwd" "$tty" "$kmemleak"
		for v in SCALE "${!KTCPVS_@}"; do
			case $v in KTCPVS_CACHE | KTCPVS_T0 | KTCPVS_MIRROR) continue ;; esac
			if [ -n "${!v:-}" ]; then printf 'export %s=%q\n' "$v" "${!v}"; fi
		done
		for v in "${env[@]}"; do
			case $v in
			*=*) printf 'export %s=%q\n' "${v%%=*}" "${v#*=}" ;;
			*) printf 'export %s=%q\n' "$v" "${!v:-}" ;;
			esac
		done
		if [ "$tty" ]; then
			printf 'export TERM=%q\n' "${TERM:-linux}"
			printf 'JOB_SIZE=%q\n' "$(stty size)"
		fi
		if [ $# = 1 ] && [[ $1 =~ [[:space:]] ]]; then
			printf 'JOB=(bash -c %q)\n' "$1"
		else
			printf 'JOB=('
			printf '%q ' "$@"
			printf ')\n'
		fi
	} >"$run/job"
}

# Modules are unpacked here: busybox in the initramfs loads plain ones only.
initramfs_modules() { # DIR
	local base=$ROOT/usr/lib/modules/$release want=(virtio_pci virtio_console 9pnet_virtio 9p overlay)

	[ -f "$base/modules.dep" ] || return 0
	awk -v want="${want[*]}" '
		{
			f = $1; sub(/:$/, "", f); n = f; sub(/.*\//, "", n); sub(/\.ko.*/, "", n)
			path[n] = f; deps[n] = ""
			for (i = NF; i > 1; i--) deps[n] = deps[n] " " $i
		}
		function emit(f) { if (!(f in seen)) { seen[f] = 1; print f } }
		END {
			k = split(want, w, " ")
			for (i = 1; i <= k; i++) {
				if (!(w[i] in path)) continue
				m = split(deps[w[i]], d, " ")
				for (j = 1; j <= m; j++) emit(d[j])
				emit(path[w[i]])
			}
		}' "$base/modules.dep" |
		while read -r f; do
			case $f in
			*.xz) "$BUSYBOX" xz -dc "$base/$f" ;;
			*.gz) "$BUSYBOX" gzip -dc "$base/$f" ;;
			*.zst) zstd -dcq "$base/$f" ;;
			*) cat "$base/$f" ;;
			esac >"$1/$(basename "${f%.ko*}").ko"
			basename "${f%.ko*}" >>"$1/order"
		done
}

# One a kernel, kept in the cache, made again when its recipe changes.
initramfs() {
	local key tmp

	key=$(cat "$REPO/virtme/boot.sh" "$REPO/virtme/initramfs-init" \
		"$ROOT/usr/lib/modules/$release/modules.dep" 2>/dev/null | sha256sum | cut -c1-16)
	initrd=$CACHE/initramfs-$release-$key
	if [ -f "$initrd" ]; then return; fi
	tmp=$(mktemp -d "$run/initramfs.XXXX")
	mkdir -p "$tmp"/{bin,dev,proc,sys,lower,tmp,new,modules}
	cp "$BUSYBOX" "$tmp/bin/busybox"
	install -m 755 "$REPO/virtme/initramfs-init" "$tmp/init"
	touch "$tmp/modules/order"
	initramfs_modules "$tmp/modules"
	(cd "$tmp" && find . | "$BUSYBOX" cpio -o -H newc 2>/dev/null | gzip -1) >"$run/initrd"
	rm -f "$CACHE/initramfs-$release-"*
	mv "$run/initrd" "$initrd"
	rm -rf "$tmp"
}

# A /dev/kvm that exists may still hang a guest, so a guest says whether it
# works: it must come as far as its init within 15 s. The answer is kept for
# this boot of the machine and this qemu.
pick_accel() {
	local key file=$CACHE/accel

	accel=${KTCPVS_ACCEL:-}
	if [ -n "$accel" ]; then return; fi
	accel=tcg
	if ! [ -r /dev/kvm -a -w /dev/kvm ]; then return; fi
	key=$(cat /proc/sys/kernel/random/boot_id; "$REPO/virtme/root-exec" qemu-system-x86_64 --version | head -n1)
	key=$(echo "$key" | sha256sum | cut -c1-16)
	if [ -f "$file" ] && [ "$(cut -d' ' -f2 "$file")" = "$key" ]; then
		accel=$(cut -d' ' -f1 "$file")
		return
	fi
	step "vm: does KVM work here? (trial boot, at most 15 s)"
	if (timeout -k 1 14 "$REPO/virtme/root-exec" qemu-system-x86_64 -nodefaults -no-reboot -display none \
		-machine q35,accel=kvm -cpu host -smp 2 -m 512M -kernel "$image" -initrd "$initrd" \
		-append "console=ttyS0 quiet panic=-1 ktcpvs.trial" \
		-serial "file:$run/trial" </dev/null >/dev/null; true) 2>/dev/null &&
		grep -q ktcpvs-trial-reached-init "$run/trial"; then
		accel=kvm
		step "vm: KVM works"
	else
		step "vm: KVM does not work here, emulating"
	fi
	echo "$accel $key" >"$file.$$"
	mv "$file.$$" "$file"
}

accel_args() {
	if [ "$icount" ]; then
		cpus=1
		qargs=(-machine q35 -accel tcg,thread=single -icount shift=0,sleep=off -cpu max)
	elif [ "$accel" = kvm ]; then
		qargs=(-machine q35 -accel kvm -cpu host)
	else
		qargs=(-machine q35 -accel tcg,thread=multi -cpu max)
	fi
}

# Emulated CPUs stall for seconds when the host is busy: that is no news.
kernel_args="oops=panic log_buf_len=4M mitigations=off rcupdate.rcu_cpu_stall_timeout=120
	watchdog_thresh=60"
kernel_args=${kernel_args//[$'\n\t']/ }

# Emulated code patching can hit a CPU with its own int3 (see virtme/root-exec). A
# guest that dies so before the command began is booted again; after that the
# command's effects are unknown, and the run fails.
boot_again() {
	[ "$boots" -lt 3 ] && [ ! -e "$run/started" ] && [ ! -e "$run/timeout" ] &&
		[ "$accel" = tcg ] && grep -qs 'Oops: int3' "$run/console"
}

boot_fast() {
	boots=0
	while :; do
		boots=$((boots + 1))
		boot_once
		boot_again || break
		step "vm: the emulator tripped over the kernel's code patching; booting again"
		rm -f "$run"/{out,err,console}
	done
}

boot_once() {
	local in=/dev/null

	initramfs
	pick_accel
	accel_args
	mkfifo "$run/out" "$run/err"
	qargs+=(-smp "$cpus" -m "$memory" -nodefaults -no-user-config -no-reboot -display none
		-kernel "$image" -initrd "$initrd"
		-chardev "file,id=log,path=$run/console" -serial chardev:log
		-device virtio-rng-pci -device virtio-serial-pci)
	share root "$ROOT" on
	share repo "$REPO" off
	share run "$run" off
	if [ "$tty" ]; then
		saved_tty=$(stty -g)
		stty raw -echo
		qargs+=(-chardev stdio,id=tty,signal=off,mux=off -device virtconsole,chardev=tty)
		in=/dev/stdin
	else
		cat "$run/out" &
		readers+=($!)
		cat "$run/err" >&2 &
		readers+=($!)
		qargs+=(-chardev "file,id=out,path=$run/out" -device virtserialport,chardev=out,name=out
			-chardev "file,id=err,path=$run/err" -device virtserialport,chardev=err,name=err)
	fi
	"$REPO/virtme/root-exec" qemu-system-x86_64 "${qargs[@]}" \
		-append "console=ttyS0 loglevel=5 panic=-1 $kernel_args $append" \
		<"$in" 2>"$run/qemu" &
	qemu=$!
	supervise
	if [ "$saved_tty" ]; then stty "$saved_tty"; fi
	saved_tty=''
}

# virtme-ng brings its own init and mounts; guest-init runs as its script, and
# as with plain qemu the run directory carries orders and results. Its streams
# end in pipes: it opens them anew, which would truncate a file.
boot_vng() {
	local opts bin=$run/bin p args

	initramfs # of the trial boot
	pick_accel
	mkdir "$bin"
	for p in vng virtme-run qemu-system-x86_64 file modprobe depmod; do
		ln -s "$REPO/virtme/root-exec" "$bin/$p"
	done
	for p in "$REPO" /mnt/run; do
		if [ ! -d "$ROOT$p" ]; then as_root mkdir -p "$ROOT$p"; fi
	done
	opts="-chardev file,id=klog,path=$run/console -device isa-serial,chardev=klog"
	if [ "$tty" ]; then
		opts+=" -chardev serial,id=tty,path=$(tty) -device virtio-serial-pci"
		opts+=" -device virtconsole,chardev=tty"
		saved_tty=$(stty -g)
		stty raw -echo
	fi
	args=(--run "$image" --root "$ROOT" --force-9p --user root --disable-microvm
		--disable-monitor --cpus "$cpus" --memory "$memory" --qemu "$bin/qemu-system-x86_64"
		--overlay-rwdir /mnt --overlay-rwdir "/$(cut -d/ -f2 <<<"$REPO")"
		--rwdir "$REPO=$REPO" --rwdir "/mnt/run=$run" --cwd "$ROOT$REPO"
		--append "console=ttyS1 loglevel=${KTCPVS_LOGLEVEL:-5} $kernel_args $append" --qemu-opts="$opts")
	if [ "$accel" = tcg ]; then args+=(--disable-kvm); fi
	if [ "$icount" ]; then die "--icount goes with --fast"; fi
	PATH=$bin:$PATH "$bin/vng" ${KTCPVS_VNG_ARGS:-} "${args[@]}" --exec \
		"KTCPVS_RUN=/mnt/run exec bash $REPO/virtme/guest-init --child" \
		</dev/null > >(exec cat) 2> >(sed -u -e "/failed to initialize module/d" \
		-e "/modules from the same build/d" >&2) &
	qemu=$!
	supervise
	if [ "$saved_tty" ]; then stty "$saved_tty"; fi
	saved_tty=''
}

share() { # TAG DIR READONLY
	qargs+=(-fsdev "local,id=$1,path=$2,security_model=none,readonly=$3,multidevs=remap"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

# Wait for the guest and its last output. qemu has no clock of its own for
# --timeout: a shell beside it ends it.
supervise() {
	killer=''
	if [ "$timeout" != 0 ]; then
		# It reads from a FIFO that nobody writes to: sleep would be one process
		# more to end. Without the guest's slot: if we are killed, it outlives us.
		[ -p "$run/never" ] || mkfifo "$run/never"
		(
			status=0
			read -rt "$timeout" <>"$run/never" || status=$?
			if [ "$status" -gt 128 ]; then touch "$run/timeout" && kill -KILL "$qemu"; fi
		) 2>/dev/null 7>&- &
		killer=$!
	fi
	wait "$qemu" || true
	qemu=''
	if [ "$killer" ]; then
		kill "$killer" 2>/dev/null || true
		killer=''
	fi
	# A guest that never opened the FIFOs leaves the readers waiting for it.
	if [ "${#readers[@]}" -gt 0 ]; then
		: <>"$run/out"
		: <>"$run/err"
		wait "${readers[@]}" 2>/dev/null || true
		readers=()
	fi
}

keep_log() { # REASON
	local to

	to=$REPO/build/log/vm-$(date +%H%M%S)-$$.log
	mkdir -p "${to%/*}"
	cat "$run/log" >"$to"
	echo "vm: $1; kernel log: ${to#"$REPO"/}" >&2
}

finish() {
	local status found

	{
		if [ -s "$run/dmesg" ]; then
			cat "$run/dmesg"
			echo "--- serial console"
		fi
		tr -d '\r' <"$run/console" 2>/dev/null || true
		if [ -s "$run/leaks" ]; then
			echo "--- kmemleak"
			cat "$run/leaks"
		fi
	} >"$run/log"
	if [ -n "$logfile" ]; then cp "$run/log" "$logfile"; fi

	if [ -f "$run/timeout" ]; then
		keep_log "the guest was killed after $timeout s"
		exit 124
	fi
	status=$(cat "$run/status" 2>/dev/null || true)
	if [ -z "$status" ]; then
		cat "$run/qemu" >&2 2>/dev/null || true
		# The first report says why, the last lines how it ended.
		"$REPO/virtme/scan-log" "$run/log" >&2 || true
		tail -n 15 "$run/log" >&2
		keep_log "the guest died"
		exit 125
	fi
	if [ "$scan" ]; then
		found=$("$REPO/virtme/scan-log" "$run/log") || {
			printf '%s\n' "$found" | head -n 60 >&2
			keep_log "the kernel log holds a report (exit status of the command: $status)"
			if [ "$status" = 0 ]; then status=99; fi
			exit "$status"
		}
	fi
	exit "$status"
}
