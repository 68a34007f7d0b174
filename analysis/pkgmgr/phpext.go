package pkgmgr

// PhpExt is the official php image's docker-php-ext-install, which builds extensions
// out of PHP's own sources. It unpacks them to /usr/src/php and deletes them when it
// ends, unless they were there before: its script, and docker-php-source.
var PhpExt = Manager{
	Name:        "docker-php-ext-install",
	Programs:    []string{"docker-php-ext-install"},
	Values:      []string{"--ini-name", "-j"},
	Bare:        Install,
	Operands:    true,
	Root:        true,
	NoCache:     "it deletes the sources that it unpacked",
	NoManifests: "it builds extensions by name",
}
