# Sourced: npm_ci DIR installs what DIR's package-lock.json says, once for each lock,
# and node24 puts Node 24 on the PATH, with the npm that goes with it.

# The registry's certificates are judged as every other program here judges them.
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -e /etc/ssl/certs/ca-certificates.crt ]; then
	export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
fi

npm_ci() (
	cd "$1"
	stamp=node_modules/.lock
	if ! cmp -s package-lock.json "$stamp"; then
		# Nothing that a package brings is run: what is needed works as it comes.
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
		cp package-lock.json "$stamp"
	fi
)

node24() {
	npm_ci "$1/node" >&2
	modules=$(cd "$1/node/node_modules" && pwd)
	mkdir -p "$modules/.path"
	for arch in x64 arm64; do
		if [ -x "$modules/node-linux-$arch/bin/node" ]; then
			ln -sf "$modules/node-linux-$arch/bin/node" "$modules/.path/node"
		fi
	done
	ln -sf ../npm/bin/npm-cli.js "$modules/.path/npm"
	ln -sf ../npm/bin/npx-cli.js "$modules/.path/npx"
	PATH=$modules/.path:$PATH
}
