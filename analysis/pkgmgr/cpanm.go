package pkgmgr

// Cpanm is Perl's cpanminus. It builds in ~/.cpanm/work and keeps what it built from:
// cpanm's documentation, which names PERL_CPANM_HOME.
var Cpanm = Manager{
	Name:     "cpanm",
	Programs: []string{"cpanm"},
	Values:   []string{"-l", "--local-lib", "-L", "--local-lib-contained", "--mirror", "-M", "--from", "--cpanfile", "--save-dists", "--with-feature", "--configure-args", "--build-args", "--test-args", "--install-args"},
	Bare:     Install,
	Operands: true,
	Caches: []Cache{{
		Dir: "~/.cpanm", What: "downloads and build folders",
		Filled: []Verb{Install},
		Moved:  []string{"PERL_CPANM_HOME"},
		Kept:   "cpanm has no clean-up of its own, and the home must be known",
		Mount:  Mount{Never: "cpanm reads no archive that it has fetched before"},
	}},
	Manifests: []string{"cpanfile", "cpanfile.snapshot"},
}
