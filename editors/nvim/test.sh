#!/bin/sh
# Opens a Dockerfile in the real Neovim, with the real shale beside it, and checks
# what the user sees: findings, a quick fix, all fixes at once, fix on save.
#
# SHALE_TEST_NVIM is a folder that holds a system with Neovim 0.10 or later, to
# chroot into. Without it, the nvim on the PATH is used, or else Debian's is put
# into .cache/nvim-root (160 MB; needs root and mmdebstrap).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
root=${SHALE_TEST_NVIM:-}

recent() {
	command -v nvim >/dev/null && nvim --headless -u NONE -i NONE -n -c 'if has("nvim-0.10") | quit | else | cquit | endif' >/dev/null 2>&1
}

if [ -z "$root" ] && ! recent; then
	root=$repo/.cache/nvim-root
	if [ ! -x "$root/usr/bin/nvim" ]; then
		command -v mmdebstrap >/dev/null || {
			echo "FAIL: no Neovim 0.10 on the PATH, and no mmdebstrap to fetch one (apt-get install mmdebstrap)" >&2
			exit 1
		}
		mkdir -p "$repo/.cache"
		rm -rf "$root" "$root.part"
		echo "fetching Neovim into $root" >&2
		mmdebstrap --quiet --variant=apt --include=neovim trixie "$root.part"
		mv "$root.part" "$root"
	fi
fi

# Everything that the test needs stands in one folder, the same inside and outside.
if [ -n "$root" ]; then
	mkdir -p "$root/tmp"
	work=$(mktemp -d "$root/tmp/shale.XXXXXX")
	inside=${work#"$root"}
	run() { chroot "$root" "$@"; }
else
	work=$(mktemp -d)
	inside=$work
	run() { "$@"; }
fi
trap 'rm -rf "$work"' EXIT

mkdir "$work/home" "$work/project"
cp -r "$here" "$work/nvim"
(cd "$repo" && CGO_ENABLED=0 go build -o "$work/shale" ./cmd/shale)

# It runs apart from the user's own configuration.
if out=$(run env -i HOME="$inside/home" PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 SHALE_TEST="$inside" \
	timeout 120 nvim --headless -u NONE -i NONE -n -c "luafile $inside/nvim/test/test.lua" 2>&1); then
	echo "$out"
	echo "PASS: Neovim shows Shale's findings and makes its fixes"
else
	echo "$out"
	cat "$work"/home/.local/state/nvim/lsp.log 2>/dev/null || true
	echo "FAIL: Neovim and Shale" >&2
	exit 1
fi
