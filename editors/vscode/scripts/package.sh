#!/bin/sh
# Makes the extension: package.sh FILE.vsix. It needs npm, and Node 20 or later, or
# else Linux, for which npm has one.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")

command -v npm >/dev/null || {
	echo "npm is needed (apt-get install npm)" >&2
	exit 1
}
. "$here/scripts/npm.sh"
node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' || node24 "$here"
npm_ci "$here"
cd "$here"
# All files get the time of the last commit, so that equal sources make equal bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct -- . 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
node_modules/.bin/vsce package --no-dependencies --out "$out"
