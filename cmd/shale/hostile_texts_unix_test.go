//go:build unix

package main

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

// lines makes the Dockerfile of a hostile input.
func lines(pieces ...piece) func(*hostileFolder) {
	return func(f *hostileFolder) { f.write("Dockerfile", pieces...) }
}

// hostileTexts are Dockerfiles that are long, deep or many of something.
func hostileTexts() []hostile {
	from := text("FROM debian:12\n")
	const mb = 1 << 20
	return []hostile{
		{name: "line of 100 MB", big: true, make: lines(from, text("RUN echo "), times(100*mb/16, "0123456789abcdef")), exit: "2", says: `Dockerfile: more than .*MB: not read`},
		{name: "line of 15 MB", big: true, make: lines(from, text("RUN echo "), times(15*mb/16, "0123456789abcdef"))},
		{name: "comments of 15 MB", big: true, make: lines(from, times(15*mb/4, "# x\n"))},
		{name: "blank lines of 15 MB", big: true, make: lines(from, times(15*mb/16, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"))},
		{name: "continuations of 15 MB", big: true, make: lines(from, text("RUN a"), times(5*mb, " \\\n"))},
		{name: "a program of 14 MB", big: true, make: lines(from, text("RUN true"), times(mb*3/2, " && \\\n a"))},
		{name: "instructions, 1,000,000", big: true, make: lines(from, times(1_000_000, "RUN true\n"))},
		{name: "instructions, 1,500,000", big: true, make: lines(from, times(1_500_000, "RUN true\n"))},
		{name: "installs, 100,000", big: true, make: lines(from, times(100_000, "RUN apt-get update && apt-get install -y p%d\n"))},
		{name: "copies, 100,000", big: true, make: lines(from, times(100_000, "COPY f%d /d%d\n"))},
		{name: "variables, 100,000", big: true, make: lines(from, times(100_000, "ENV A%d=x B%d=$A%d\n"))},
		{name: "arguments, 100,000", big: true, make: lines(times(100_000, "ARG A%d=x\n"), from)},
		{name: "stages, 100,000", big: true, make: lines(from, times(100_000, "FROM debian:12 AS s%d\nRUN true\n"))},
		{name: "stages, 100,000 in a chain", big: true, make: lines(text("FROM debian:12 AS s\n"), times(100_000, "FROM s AS s%d\nCOPY --from=s a b\n"))},
		{name: "stages, 2,000 each from the last", big: true, make: lines(text("FROM debian:12 AS s0\n"), chainOfStages(2000))},
		{name: "stages in a circle", make: lines(text("FROM b AS a\nCOPY --from=b x y\nFROM a AS b\nCOPY --from=b x y\nCOPY --from=c x y\nFROM b AS c\nFROM c\nFROM a AS a\n"))},
		{name: "commands nested 10,000 deep", make: lines(from, text("RUN echo "), times(10_000, "$("), text("a"), times(10_000, ")"), text("\n"))},
		{name: "commands nested 100,000 deep", big: true, make: lines(from, text("RUN echo "), times(100_000, "$(\\\n"), text("a"), times(100_000, ")\\\n"), text("\n"))},
		{name: "backquotes", big: true, make: lines(from, text("RUN echo "), times(30_000, "`"), text("\n"))},
		{name: "quotes in commands in quotes", make: lines(from, text("RUN echo "), times(10_000, `"$(`), text("a"), times(10_000, `)"`), text("\n"))},
		{name: "subshells 30,000 deep", make: lines(from, text("RUN "), times(30_000, "("), text("a"), times(30_000, ")"), text("\n"))},
		{name: "groups and loops deep", big: true, make: lines(from, text("RUN "), times(4_000, "{ while a; do "), text("a"), times(4_000, "; done; }"), text("\n"))},
		{name: "defaults 10,000 deep", make: lines(text("ARG b\nFROM debian:12\nENV A="), times(10_000, "${a:-"), times(10_000, "}"), text("\nRUN echo "), times(10_000, "${a:-"), times(10_000, "}"), text("\nWORKDIR "), times(10_000, "${a:-"), times(10_000, "}"), text("\n"))},
		{name: "defaults in FROM", big: true, make: lines(text("ARG a\nFROM "), times(10_000, "${a:-"), text("x"), times(10_000, "}"), text("\n"))},
		{name: "arithmetic deep", big: true, make: lines(from, text("RUN echo $(("), times(20_000, "("), text("1"), times(20_000, ")"), text("))\n"))},
		{name: "braces that multiply", make: lines(from, text("RUN echo "), times(5_000, "{a,b}"), text(" {1..999999999}\n"))},
		{name: "ONBUILD deep", big: true, make: lines(from, times(5_000, "ONBUILD "), text("RUN a\n"))},
		{name: "JSON deep", make: lines(from, text("CMD "), times(30_000, "["), times(30_000, "]"), text("\nCMD "), times(10_000, `{"a":`), text("\n"))},
		{name: "heredocs, 5,000 on a line", make: lines(from, text("RUN "), times(5_000, "<<A%d "), text("\n"), times(5_000, "A%d\n"))},
		{name: "heredocs, 100,000 on a line", big: true, make: lines(from, text("RUN "), times(100_000, "<<A%d \\\n"), text("\n"), times(100_000, "A%d\n"))},
		{name: "heredocs without an end", make: lines(from, times(10_000, "RUN <<A%d\n"))},
		{name: "heredoc of 15 MB", big: true, make: lines(from, text("COPY <<A /x\n"), times(15*mb/16, "0123456789abcde\n"), text("A\n"))},
		{name: "heredoc that runs 15 MB", big: true, make: lines(from, text("RUN <<A\n"), times(15*mb/16, "apt-get update\n\n"), text("A\n"))},
		{name: "arguments that double", make: lines(text("ARG A0=0123456789\n"), doubled("ARG", 60), text("FROM debian:12\nARG A60\nRUN echo $A60\nFROM a:$A60\nFROM $A60\n"))},
		{name: "variables that double", make: lines(from, text("ENV A0=0123456789\n"), doubled("ENV", 60), text("LABEL a=$A60\nWORKDIR $A60\nCOPY $A60 /\nRUN --mount=type=cache,target=$A60 apt-get update\n"))},
		{name: "mounts, 5,000", big: true, make: lines(from, text("RUN "), times(5_000, "--mount=type=cache,target=/x%d \\\n"), text("apt-get update\n"))},
		{name: "mounts, 100,000", big: true, make: lines(from, text("RUN "), times(100_000, "--mount=type=cache,target=/x%d \\\n"), text("apt-get update\n"))},
		{name: "labels, 200,000 in one", big: true, make: lines(from, text("LABEL a=b"), times(200_000, " \\\n a%d=b"), text("\n"))},
		{name: "ignore comments, 1,000,000", big: true, make: lines(from, times(1_000_000, "# shale ignore=merge-runs\n"), text("RUN a\n"))},
		{name: "ignore comment of 15 MB", big: true, make: lines(text("# shale ignore-file="), times(mb, "merge-run,"), text("\n# check=skip="), times(mb, "Some,"), text("\nFROM debian:12\n"))},
		{name: "directives, 100,000", big: true, make: lines(times(100_000, "# x%d=y\n"), from)},
		{name: "unknown instructions, 200,000", big: true, make: lines(from, times(200_000, "NOPE %d\n"))},
		{name: "findings, 50,000", big: true, make: lines(from, times(50_000, "MAINTAINER a\nADD a b\nRUN cd x\n"))},
		{name: "no bytes but NUL", make: lines(times(100_000, "\x00")), exit: "12", says: "binary data"},
		{name: "NUL, 15 MB", big: true, make: lines(times(15*mb/8, "\x00\x00\x00\x00\x00\x00\x00\x00")), exit: "01", says: "binary data"},
		{name: "no UTF-8", big: true, make: lines(from, times(20_000, "RUN \xff\xfe\xc0\xaf\xed\xa0\x80\n"))},
		{name: "bytes from 128, 15 MB", big: true, make: lines(from, times(15*mb/4, "\xff\x80\xc1\n"))},
		{name: "line ends of Macintosh", big: true, make: lines(from, times(15*mb/4, "# x\r"))},
		{name: "terminal escapes", raw: true, make: lines(text("FROM debian:12 AS \x1b[2J\nFROM a\u009b2Jb AS x\u202ey\nCOPY --from=x\u202ey \x1b]0;t\x07 \u2066x\u2069\nRUN cd \x1b[31m && apt-get install \u202ex\nENV \x1b[5m=1\n\x1b[8mNOPE \u009d0;x\u009c\nUSER \x9b31m\nWORKDIR a\u061c\u200e\nMAINTAINER \x1b[1m\r\b\nLABEL \x1b=\x7f\nSHELL [\"\x1b\"]\n# shale ignore=\x1b[31m,\u202ex\nRUN \x1b\n# hadolint ignore=\x1b\u009b\n# check=skip=\x1b\nEXPOSE \x1b[7m\nHEALTHCHECK --\x1b=1 CMD x\nRUN --\x1bmount=\x1b x\nRUN <<\x1bE\nSTOPSIGNAL \u009bx\nADD http://\x1b[1m/x y\n"))},
	}
}

// chainOfStages is n stages, each built from the one before it.
func chainOfStages(n int) piece {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield("FROM s" + itoa(i) + " AS s" + itoa(i+1) + "\nRUN a\nCOPY --from=s" + itoa(i/2) + " a b\n") {
				return
			}
		}
	}
}

// doubled sets n variables, each to twice the one before it.
func doubled(instruction string, n int) piece {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(instruction + " A" + itoa(i+1) + "=$A" + itoa(i) + "${A" + itoa(i) + "}\n") {
				return
			}
		}
	}
}
