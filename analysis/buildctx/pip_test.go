package buildctx

import (
	"testing"
)

func TestPip(t *testing.T) {
	req := []string{"requirements.txt"}
	for _, test := range []struct {
		name     string
		archive  string
		o        PipOptions
		files    []string
		refusals []string
	}{
		{"closed", `
-- requirements.txt --
# web
Flask>=3.0,<4  # pinned by hand
requests[socks, security]==2.31.0 ; python_version >= "3.8" and sys_platform != "win32"
zope.interface
uvicorn [standard] ~= 0.29 \
    --hash=sha256:aaaa \
    --hash=sha256:bbbb
numpy (>=1.20)
-i https://pypi.example.com/simple
--extra-index-url=https://${TOKEN}@x/simple
mylib @ git+https://github.com/a/b.git@v1#egg=mylib
other @ https://example.com/other-1.0-py3-none-any.whl
https://example.com/third-1.0.tar.gz
-r requirements/base.txt
-crequirements/constraints.txt
-- requirements/base.txt --
--requirement more.txt
click == 8.*
-- requirements/more.txt --
-r base.txt
six
-- requirements/constraints.txt --
six==1.16.0
-- setup.py --
-- pyproject.toml --
-- setup.cfg --
[metadata]
name = x
`, PipOptions{Requirements: req}, []string{"requirements.txt", "requirements/base.txt", "requirements/constraints.txt", "requirements/more.txt"}, nil},
		{"constraints of the command line", "-- a/r.txt --\nx\n-- c.txt --\nx==1\n", PipOptions{Requirements: []string{"a/r.txt"}, Constraints: []string{"./c.txt"}, Packages: []string{"gunicorn", "a[b]>=1"}}, []string{"a/r.txt", "c.txt"}, nil},
		{"no file at all", "-- x --\n", PipOptions{Packages: []string{"flask"}}, nil, nil},
		{"Windows file", "-- requirements.txt --\n\ufeffflask==1\r\n\r\n# c\r\nsix\r\n", PipOptions{Requirements: req}, req, nil},
		{"UTF-16", "-- requirements.txt --\n\xff\xfef\x00l\x00a\x00s\x00k\x00", PipOptions{Requirements: req}, req, []string{"is not valid UTF-16"}}, // txtar ends it with a newline of one byte
		{"declared encoding", "-- requirements.txt --\n# -*- coding: utf-8 -*-\nflask\n", PipOptions{Requirements: req}, req, nil},
		{"other declared encoding", "-- requirements.txt --\n# coding: latin-1\nflask\n", PipOptions{Requirements: req}, req, []string{"[hard] requirements.txt declares the encoding latin-1"}},
		{"not UTF-8", "-- requirements.txt --\nfl\xe9\n", PipOptions{Requirements: req}, req, []string{"[hard] requirements.txt is not valid UTF-8"}},
		{"a line end of Python's", "-- requirements.txt --\nflask\u2028-e .\n", PipOptions{Requirements: req}, req, []string{"[hard] requirements.txt holds a control character"}},

		{"missing", "-- x --\n", PipOptions{Requirements: req}, nil, []string{"[hard] the command line reads requirements.txt, and the build context does not hold it"}},
		{"hidden", "-- .dockerignore --\n*.txt\n-- requirements.txt --\n", PipOptions{Requirements: req}, nil, []string{"[hard] the command line reads requirements.txt"}},
		{"missing include", "-- requirements.txt --\nsix\n-r gone.txt\n", PipOptions{Requirements: req}, req, []string{"[hard] requirements.txt:2 reads gone.txt, and the build context does not hold it"}},
		{"include above", "-- requirements.txt --\n-r ../base.txt\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:1 reads requirements from ../base.txt, which is outside the build context"}},
		{"include by URL", "-- requirements.txt --\n-c https://example.com/c.txt\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:1 reads requirements from https://example.com/c.txt, which is not in the build context"}},
		{"include by variable", "-- requirements.txt --\n-r ${ENV}.txt\n", PipOptions{Requirements: req}, req, []string{"by a variable"}},
		{"include of an absolute path", "-- x --\n", PipOptions{Requirements: []string{"/app/r.txt"}}, nil, []string{"outside the build context"}},
		{"include over a link", "-- requirements.txt --\n-r base/r.txt\n-- real/r.txt --\n-- base -> real --\n", PipOptions{Requirements: req}, req, []string{"base/r.txt is reached over a symbolic link"}},
		{"two includes on a line", "-- requirements.txt --\n-r a.txt -c b.txt\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:1 has -r beside something else"}},

		{"find-links", "-- requirements.txt --\nsix\n--find-links wheels\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:2 has --find-links, which may read packages from the build context"}},
		{"short find-links", "-- requirements.txt --\n-fwheels\n", PipOptions{Requirements: req}, req, []string{"has -f, which"}},
		{"editable", "-- requirements.txt --\nsix \\\n  ==1.0\n\n-e .\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:4 installs an editable project"}},
		{"editable of a repository", "-- requirements.txt --\n--editable=git+https://x/y#egg=z\n", PipOptions{Requirements: req}, req, []string{"installs an editable project"}},
		{"other option", "-- requirements.txt --\n--no-binary :all:\n--pre\n--trusted-host x\n", PipOptions{Requirements: req}, req, []string{"has the option --no-binary", "has the option --pre", "has the option --trusted-host"}},
		{"abbreviated option", "-- requirements.txt --\n--find wheels\n", PipOptions{Requirements: req}, req, []string{"has the option --find"}},
		{"option of a requirement", "-- requirements.txt --\nsix --global-option=\"-x\"\n", PipOptions{Requirements: req}, req, []string{"--global-option"}},
		{"index that is a folder", "-- requirements.txt --\n--index-url ./simple\n", PipOptions{Requirements: req}, req, []string{"has --index-url ./simple, which is no http or https URL"}},
		{"index by file URL", "-- requirements.txt --\n-i file:///wheels\n", PipOptions{Requirements: req}, req, []string{"no http or https URL"}},
		{"option continued", "-- requirements.txt --\n--find\\\n-links wheels\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:1 has --find-links"}},
		{"a comment ends a continuation", "-- requirements.txt --\nsix \\\n# -e .\n-e .\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:3 installs an editable"}},

		{"the project itself", "-- requirements.txt --\n.\n.[dev]\n", PipOptions{Requirements: req}, req, []string{"requirements.txt:1 (.) is a path", "requirements.txt:2 (.[dev]) is a path"}},
		{"paths", "-- requirements.txt --\n./lib\nlib/\nvendor/x-1.0.tar.gz\nx-1.0-py3-none-any.whl\n/opt/x\n~/x\nC:\\x\nx.zip[extra]\nx==1.zip[extra]\n", PipOptions{Requirements: req}, req,
			[]string{":1 (./lib)", ":2 (lib/)", ":3 (vendor/x-1.0.tar.gz)", ":4 (x-1.0-py3-none-any.whl)", ":5 (/opt/x)", ":6 (~/x)", ":7 (C:\\x) is not on the network", ":8 (x.zip[extra]) is a path", ":9 (x==1.zip[extra]) is a path"}},
		{"file URLs", "-- requirements.txt --\nfile:///x\nx @ file:./x\nx@FILE:///y\ngit+file:///z\n", PipOptions{Requirements: req}, req,
			[]string{":1 (file:///x)", ":2 (x @ file:./x)", ":3 (x@FILE:///y)", ":4 (git+file:///z)"}},
		{"a variable in a requirement", "-- requirements.txt --\nx==${V}\n${NAME}\n", PipOptions{Requirements: req}, req, []string{":1 (x==${V})", ":2 (${NAME})"}},
		{"no requirement", "-- requirements.txt --\nthis is prose\n<html>\n", PipOptions{Requirements: req}, req, []string{":1 (this is prose)", ":2 (<html>)"}},
		{"packages of the command line", "-- x --\n", PipOptions{Packages: []string{".", "six", "-e", "./x.whl"}}, nil, []string{"pip install . is a path", "pip install -e is an option", "pip install ./x.whl is a path"}},

		{"setup.cfg that moves the install", "-- requirements.txt --\nsix\n-- setup.cfg --\n[metadata]\n[install]\nprefix=\n", PipOptions{Requirements: req}, []string{"requirements.txt", "setup.cfg"}, nil},
		{"python -m pip", "-- requirements.txt --\nsix\n-- app.py --\n-- wsgi/__init__.py --\n", PipOptions{Requirements: req, Module: true}, req, nil},
		{"python -m pip with shadows", "-- requirements.txt --\nsix\n-- logging/__init__.py --\n-- types.py --\n-- ssl.cpython-311.so --\n-- email.txt --\n", PipOptions{Requirements: req, Module: true}, req,
			[]string{"python -m pip would import logging in the place of its own module; call pip itself", "ssl.cpython-311.so", "types.py"}},
		{"pip with the same files", "-- requirements.txt --\nsix\n-- types.py --\n", PipOptions{Requirements: req}, req, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := at(t, tree(t, test.archive))
			judged(t, c.Pip(".", test.o), test.files, nil, test.refusals)
		})
	}
	c := at(t, tree(t, "-- svc/requirements.txt --\n-r ../common/r.txt\n-- common/r.txt --\nsix\n"))
	judged(t, c.Pip("svc", PipOptions{Requirements: req}), []string{"common/r.txt", "svc/requirements.txt"}, nil, nil)
}

func TestDecodeUTF16(t *testing.T) {
	for _, text := range []string{"\xff\xfes\x00i\x00x\x00", "\xfe\xff\x00s\x00i\x00x"} {
		if got, why := decode(text); got != "six" || why != "" {
			t.Errorf("%q: %q %q", text, got, why)
		}
	}
}
