#!/bin/sh
# Opens Dockerfiles in the real VS Code, with the real shale beside it, and checks what
# the user sees. Pictures of it stand in .cache/vscode-test when it has ended.
#
# SHALE_BIN is the program; without it, it is built. test.sh --docs makes the README's
# pictures instead.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
work=$repo/.cache/vscode-test

"$repo/.ci/tools-vscode"
. "$here/../scripts/npm.sh"
node24 "$here/.."
npm_ci "$here"
# The parts of the server look for what they run on beside themselves.
ln -sfn ../../.. "$here/node_modules/code-server/lib/vscode/node_modules"

rm -rf "$work"
mkdir -p "$work/bin"
"$here/../scripts/package.sh" "$work/shale.vsix"
if [ -n "${SHALE_BIN:-}" ]; then
	cp "$SHALE_BIN" "$work/bin/shale"
else
	(cd "$repo" && CGO_ENABLED=0 go build -o "$work/bin/shale" ./cmd/shale)
fi

export SHALE_TEST="$work"
if [ "${1:-}" = --docs ]; then
	exec node "$here/docs.mjs"
fi
exec timeout 1500 node --test --test-reporter=spec "$here/vscode.test.mjs"
