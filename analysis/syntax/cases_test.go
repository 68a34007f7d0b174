package syntax_test

// A parseCase is a Dockerfile and what its document must be.
type parseCase struct {
	name, text string
	pieces     []string // nil: not looked at
	parts      []string
	problems   []string
}

var cases = []parseCase{
	{
		name: "byte order mark, directives, CRLF",
		text: "\ufeff# syntax=docker/dockerfile:1.7\r\n" +
			"#  Check = skip=StageNameCasing ; error=true \r\n" +
			"\r\n" +
			"# builder\r\n" +
			"FROM golang:1.22 AS build\r\n",
		pieces: []string{
			`BOM "\ufeff"`,
			`Directive "# syntax=docker/dockerfile:1.7\r\n"`,
			`Directive "#  Check = skip=StageNameCasing ; error=true \r\n"`,
			`Blank "\r\n"`,
			`Comment "# builder\r\n"`,
			`Code "FROM golang:1.22 AS build"`,
			`LineEnd "\r\n"`,
		},
		parts: []string{
			`from "FROM" "golang:1.22" "AS" "build" lead "# builder"("builder")`,
		},
	},
	{
		name: "blanks before a directive",
		text: "  \t#escape=`\n" +
			"FROM mcr.microsoft.com/windows/servercore:ltsc2022\n" +
			"SHELL [\"powershell\", \"-Command\"]\n" +
			"RUN Get-Item C:\\ `\n" +
			"    | Out-Null\n" +
			"COPY app\\ C:\\app\\\n",
		pieces: []string{
			"Directive \"  \\t#escape=`\\n\"",
			`Code "FROM mcr.microsoft.com/windows/servercore:ltsc2022"`,
			`LineEnd "\n"`,
			`Code "SHELL [\"powershell\", \"-Command\"]"`,
			`LineEnd "\n"`,
			`Code "RUN Get-Item C:\\ "`,
			"Continuation \"`\\n\"",
			`Code "    | Out-Null"`,
			`LineEnd "\n"`,
			`Code "COPY app\\ C:\\app\\"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" "mcr.microsoft.com/windows/servercore:ltsc2022"`,
			`shell "SHELL" json "\"powershell\""("powershell") "\"-Command\""("-Command")`,
			"run \"RUN\" \"Get-Item C:\\\\ `\\n    | Out-Null\"(\"Get-Item C:\\\\     | Out-Null\")",
			`copy "COPY" "app\\" "C:\\app\\"`,
		},
	},
	{
		name: "a comment ends the directives",
		text: "# my image\n" +
			"# escape=`\n" +
			"FROM alpine:3.19\n",
		pieces: []string{
			`Comment "# my image\n"`,
			"Comment \"# escape=`\\n\"",
			`Code "FROM alpine:3.19"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			"from \"FROM\" \"alpine:3.19\" lead \"# my image\"(\"my image\") lead \"# escape=`\"(\"escape=`\")",
		},
	},
	{
		name: "continuations, comments and blank lines inside",
		text: "FROM debian:12\n" +
			"# tools for the build\n" +
			"RUN apt-get update && \\\n" +
			"    # keep this sorted\n" +
			"    apt-get install -y \\\n" +
			"\n" +
			"\tcurl \\  \t\n" +
			"  #nospace\n" +
			"    git\n" +
			"USER app\n",
		pieces: []string{
			`Code "FROM debian:12"`,
			`LineEnd "\n"`,
			`Comment "# tools for the build\n"`,
			`Code "RUN apt-get update && "`,
			`Continuation "\\\n"`,
			`Comment "    # keep this sorted\n"`,
			`Code "    apt-get install -y "`,
			`Continuation "\\\n"`,
			`Blank "\n"`,
			`Code "\tcurl "`,
			`Continuation "\\  \t\n"`,
			`Comment "  #nospace\n"`,
			`Code "    git"`,
			`LineEnd "\n"`,
			`Code "USER app"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" "debian:12"`,
			`run "RUN" "apt-get update && \\\n    # keep this sorted\n    apt-get install -y \\\n\n\tcurl \\  \t\n  #nospace\n    git"("apt-get update &&     apt-get install -y \tcurl     git") lead "# tools for the build"("tools for the build") inside "# keep this sorted"("keep this sorted") inside "#nospace"("nospace")`,
			`user "USER" "app"`,
		},
	},
	{
		name: "lead comments",
		text: "# file\n" +
			"\n" +
			"# one\n" +
			"  # two\n" +
			"FROM alpine\n" +
			"#\n" +
			"\n" +
			"RUN a\n" +
			"# last\n",
		pieces: []string{
			`Comment "# file\n"`,
			`Blank "\n"`,
			`Comment "# one\n"`,
			`Comment "  # two\n"`,
			`Code "FROM alpine"`,
			`LineEnd "\n"`,
			`Comment "#\n"`,
			`Blank "\n"`,
			`Code "RUN a"`,
			`LineEnd "\n"`,
			`Comment "# last\n"`,
		},
		parts: []string{
			`from "FROM" "alpine" lead "# one"("one") lead "# two"("two")`,
			`run "RUN" "a"`,
		},
	},
	{
		name: "no continuation",
		text: "RUN echo C:\\\\\n" +
			"RUN echo a\\b\\\\ \n" +
			"RUN echo \\ #\n" +
			"FROM a\n",
		pieces: []string{
			`Code "RUN echo C:\\\\"`,
			`LineEnd "\n"`,
			`Code "RUN echo a\\b\\\\ "`,
			`LineEnd "\n"`,
			`Code "RUN echo \\ #"`,
			`LineEnd "\n"`,
			`Code "FROM a"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`run "RUN" "echo C:\\\\"`,
			`run "RUN" "echo a\\b\\\\"`,
			`run "RUN" "echo \\ #"`,
			`from "FROM" "a"`,
		},
		problems: []string{
			`"RUN echo C:\\\\": no build stage in current context`,
		},
	},
	{
		name: "lines that are only a continuation",
		text: "FROM alpine\n" +
			"\\\n" +
			"  \\\t\n" +
			"RUN ls\n",
		pieces: []string{
			`Code "FROM alpine"`,
			`LineEnd "\n"`,
			`Continuation "\\\n"`,
			`Code "  "`,
			`Continuation "\\\t\n"`,
			`Code "RUN ls"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" "alpine"`,
			`run "RUN" "ls"`,
		},
	},
	{
		name: "continuation at the end of the file",
		text: "FROM alpine\n" +
			"RUN apk add curl \\\n" +
			"  # nothing follows\n" +
			"\n",
		pieces: []string{
			`Code "FROM alpine"`,
			`LineEnd "\n"`,
			`Code "RUN apk add curl "`,
			`Continuation "\\\n"`,
			`Comment "  # nothing follows\n"`,
			`Blank "\n"`,
		},
		parts: []string{
			`from "FROM" "alpine"`,
			`run "RUN" "apk add curl" inside "# nothing follows"("nothing follows")`,
		},
	},
	{
		name: "only a continuation",
		text: "FROM alpine\n" +
			"\\",
		pieces: []string{
			`Code "FROM alpine"`,
			`LineEnd "\n"`,
			`Continuation "\\"`,
		},
		parts: []string{
			`from "FROM" "alpine"`,
			` ""`,
		},
		problems: []string{
			`"": unknown instruction: `,
		},
	},
	{
		name: "keyword in two lines",
		text: "FROM alpine\n" +
			"RU\\\n" +
			"N ls\n",
		pieces: []string{
			`Code "FROM alpine"`,
			`LineEnd "\n"`,
			`Code "RU"`,
			`Continuation "\\\n"`,
			`Code "N ls"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" "alpine"`,
			`run "RU\\\nN" "ls"`,
		},
	},
	{
		name: "mixed line ends",
		text: "FROM alpine\r\n" +
			"RUN a \\\r\n" +
			"  b\n" +
			"RUN c\rd\n" +
			"RUN e\r\r\n" +
			"CMD f\r",
		pieces: []string{
			`Code "FROM alpine"`,
			`LineEnd "\r\n"`,
			`Code "RUN a "`,
			`Continuation "\\\r\n"`,
			`Code "  b"`,
			`LineEnd "\n"`,
			`Code "RUN c\rd"`,
			`LineEnd "\n"`,
			`Code "RUN e"`,
			`LineEnd "\r\r\n"`,
			`Code "CMD f"`,
			`LineEnd "\r"`,
		},
		parts: []string{
			`from "FROM" "alpine"`,
			`run "RUN" "a \\\r\n  b"("a   b")`,
			`run "RUN" "c\rd"`,
			`run "RUN" "e"`,
			`cmd "CMD" "f"`,
		},
	},
	{
		name: "blanks around",
		text: "\t FROM  alpine\tAS\v base  \n" +
			"\n" +
			"\u00a0\u2003RUN   ls \u00a0\n",
		pieces: []string{
			`Indent "\t "`,
			`Code "FROM  alpine\tAS\v base  "`,
			`LineEnd "\n"`,
			`Blank "\n"`,
			`Indent "\u00a0\u2003"`,
			`Code "RUN   ls \u00a0"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" "alpine" "AS" "base"`,
			`run "RUN" "ls"`,
		},
	},
	{
		name: "flags",
		text: "FROM --platform=$BUILDPLATFORM node:20 AS deps\n" +
			"RUN --mount=type=cache,target=/root/.npm \\\n" +
			"    --mount=type=bind,source=package.json,target=package.json \\\n" +
			"    --network=none \\\n" +
			"    npm ci\n" +
			"COPY --link --from=deps --chown=1000:1000 /app/node_modules ./node_modules\n",
		pieces: []string{
			`Code "FROM --platform=$BUILDPLATFORM node:20 AS deps"`,
			`LineEnd "\n"`,
			`Code "RUN --mount=type=cache,target=/root/.npm "`,
			`Continuation "\\\n"`,
			`Code "    --mount=type=bind,source=package.json,target=package.json "`,
			`Continuation "\\\n"`,
			`Code "    --network=none "`,
			`Continuation "\\\n"`,
			`Code "    npm ci"`,
			`LineEnd "\n"`,
			`Code "COPY --link --from=deps --chown=1000:1000 /app/node_modules ./node_modules"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" flag "--platform=$BUILDPLATFORM" "platform"("platform")="$BUILDPLATFORM"("$BUILDPLATFORM") "node:20" "AS" "deps"`,
			`run "RUN" flag "--mount=type=cache,target=/root/.npm" "mount"("mount")="type=cache,target=/root/.npm"("type=cache,target=/root/.npm") flag "--mount=type=bind,source=package.json,target=package.json" "mount"("mount")="type=bind,source=package.json,target=package.json"("type=bind,source=package.json,target=package.json") flag "--network=none" "network"("network")="none"("none") "npm ci"`,
			`copy "COPY" flag "--link" "link"("link") flag "--from=deps" "from"("from")="deps"("deps") flag "--chown=1000:1000" "chown"("chown")="1000:1000"("1000:1000") "/app/node_modules" "./node_modules"`,
		},
	},
	{
		name: "flags with quotes and escapes",
		text: "FROM a\n" +
			"COPY --chown=\"a b\" --from='x'y --chm\\od=\\7 --exclude=é a b\n" +
			"RUN -- --not-a-flag\n" +
			"RUN --\"\" -x\n" +
			"RUN --network\n" +
			"RUN --ne\\\n" +
			"twork=ho\\\n" +
			"st a\n",
		parts: []string{
			`from "FROM" "a"`,
			`copy "COPY" flag "--chown=\"a b\"" "chown"("chown")="\"a b\""("a b") flag "--from='x'y" "from"("from")="'x'y"("xy") flag "--chm\\od=\\7" "chm\\od"("chmod")="\\7"("7") flag "--exclude=é" "exclude"("exclude")="é"("Ã©") "a" "b"`,
			`run "RUN" "--not-a-flag"`,
			`run "RUN" "-x"`,
			`run "RUN" flag "--network" "network"("network")`,
			`run "RUN" flag "--ne\\\ntwork=ho\\\nst" "ne\\\ntwork"("network")="ho\\\nst"("host") "a"`,
		},
		problems: []string{
			`"--network": missing a value on flag: --network`,
		},
	},
	{
		name: "JSON",
		text: "FROM a\n" +
			"ENTRYPOINT [ \"/bin/sh\" ,\"-c\", \"echo \\\"\\u00e9\\\" \\\\\" ]\n" +
			"CMD []\n" +
			"COPY [\"a b\", \\\n" +
			"  # why\n" +
			"  \"c\", \"/d/\"]\n" +
			"VOLUME [\"/data\"]\n" +
			"RUN ['not', 'json']\n" +
			"RUN [ -f /x ] && echo\n" +
			"SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n",
		parts: []string{
			`from "FROM" "a"`,
			`entrypoint "ENTRYPOINT" json "\"/bin/sh\""("/bin/sh") "\"-c\""("-c") "\"echo \\\"\\u00e9\\\" \\\\\""("echo \"é\" \\")`,
			`cmd "CMD" json`,
			`copy "COPY" json "\"a b\""("a b") "\"c\""("c") "\"/d/\""("/d/") inside "# why"("why")`,
			`volume "VOLUME" json "\"/data\""("/data")`,
			`run "RUN" "['not', 'json']"`,
			`run "RUN" "[ -f /x ] && echo"`,
			`shell "SHELL" json "\"/bin/bash\""("/bin/bash") "\"-o\""("-o") "\"pipefail\""("pipefail") "\"-c\""("-c")`,
		},
	},
	{
		name: "words",
		text: "FROM scratch\n" +
			"EXPOSE 80/tcp\t443  8080-8090\n" +
			"VOLUME /a /b\n" +
			"COPY go.mod go.sum ./\n" +
			"ADD --checksum=sha256:24 https://example.com/a.tgz /tmp/\n" +
			"WORKDIR /a b/c \n" +
			"USER app:app\n" +
			"STOPSIGNAL SIGTERM\n" +
			"MAINTAINER A B <a@b.c>\n",
		parts: []string{
			`from "FROM" "scratch"`,
			`expose "EXPOSE" "80/tcp" "443" "8080-8090"`,
			`volume "VOLUME" "/a" "/b"`,
			`copy "COPY" "go.mod" "go.sum" "./"`,
			`add "ADD" flag "--checksum=sha256:24" "checksum"("checksum")="sha256:24"("sha256:24") "https://example.com/a.tgz" "/tmp/"`,
			`workdir "WORKDIR" "/a b/c"`,
			`user "USER" "app:app"`,
			`stopsignal "STOPSIGNAL" "SIGTERM"`,
			`maintainer "MAINTAINER" "A B <a@b.c>"`,
		},
	},
	{
		name: "pairs",
		text: "FROM a\n" +
			"ENV PATH=/usr/local/bin:$PATH A=\"b c\" \\\n" +
			"    D='e f' \\\n" +
			"    # comment\n" +
			"    G=h\\ i J=\n" +
			"ENV LEGACY  two words = here\n" +
			"LABEL org.opencontainers.image.source=\"https://example.com/a?b=c\" maintainer=me\n" +
			"ARG VERSION\n" +
			"ARG A=1 B=\"two words\" C\n" +
			"ENV \"a b\"=c\n",
		parts: []string{
			`from "FROM" "a"`,
			`env "ENV" "PATH=/usr/local/bin:$PATH" "A=\"b c\"" "D='e f'" "G=h\\ i" "J=" pair "PATH"="/usr/local/bin:$PATH" pair "A"="\"b c\"" pair "D"="'e f'" pair "G"="h\\ i" pair "J"="" inside "# comment"("comment")`,
			`env "ENV" "LEGACY" "two words = here" pair "LEGACY"="two words = here" legacy`,
			`label "LABEL" "org.opencontainers.image.source=\"https://example.com/a?b=c\"" "maintainer=me" pair "org.opencontainers.image.source"="\"https://example.com/a?b=c\"" pair "maintainer"="me"`,
			`arg "ARG" "VERSION" pair "VERSION"`,
			`arg "ARG" "A=1" "B=\"two words\"" "C" pair "A"="1" pair "B"="\"two words\"" pair "C"`,
			`env "ENV" "\"a b\"=c" pair "\"a b\""="c"`,
		},
	},
	{
		name: "pairs that end in an escape",
		text: "# escape=`\n" +
			"FROM a\n" +
			"ENV A=b```\n" +
			"ENV ```\n",
		parts: []string{
			`from "FROM" "a"`,
			"env \"ENV\" \"A=b```\"(\"A=b``\") pair \"A\"=\"b```\"(\"b``\")",
			"env \"ENV\" \"```\" pair \"```\" legacy",
		},
		problems: []string{
			"\"ENV ```\": ENV must have two arguments",
		},
	},
	{
		name: "HEALTHCHECK",
		text: "FROM a\n" +
			"HEALTHCHECK --interval=5m --timeout=3s CMD curl -f http://localhost/ || exit 1\n" +
			"HEALTHCHECK CMD [\"curl\", \"-f\", \"x\"]\n" +
			"HEALTHCHECK NONE\n",
		parts: []string{
			`from "FROM" "a"`,
			`healthcheck "HEALTHCHECK" flag "--interval=5m" "interval"("interval")="5m"("5m") flag "--timeout=3s" "timeout"("timeout")="3s"("3s") "CMD" "curl -f http://localhost/ || exit 1"`,
			`healthcheck "HEALTHCHECK" json "CMD" "\"curl\""("curl") "\"-f\""("-f") "\"x\""("x")`,
			`healthcheck "HEALTHCHECK" "NONE"`,
		},
	},
	{
		name: "ONBUILD",
		text: "FROM a\n" +
			"ONBUILD COPY --chown=app . /src\n" +
			"onbuild run \\\n" +
			"  # why\n" +
			"  make\n" +
			"ONBUILD ENV A=b\n" +
			"ONBUILD RUN <<EOF cat\n" +
			"hi\n" +
			"EOF\n",
		parts: []string{
			`from "FROM" "a"`,
			`onbuild "ONBUILD" sub {copy "COPY" flag "--chown=app" "chown"("chown")="app"("app") "." "/src"}`,
			`onbuild "onbuild" inside "# why"("why") sub {run "run" "make" inside "# why"("why")}`,
			`onbuild "ONBUILD" sub {env "ENV" "A=b" pair "A"="b"}`,
			`onbuild "ONBUILD" heredoc "<<EOF" name="EOF" fd=0 chomp=false expand=true body "hi\n" end "EOF" sub {run "RUN" "<<EOF cat" heredoc "<<EOF" name="EOF" fd=0 chomp=false expand=true body "hi\n" end "EOF"}`,
		},
	},
	{
		name: "here-document",
		text: "FROM a\n" +
			"RUN <<EOF\n" +
			"#!/bin/sh\n" +
			"# not a comment\n" +
			"RUN nothing \\\n" +
			"\n" +
			"EOF\n" +
			"USER b\n",
		pieces: []string{
			`Code "FROM a"`,
			`LineEnd "\n"`,
			`Code "RUN <<EOF"`,
			`LineEnd "\n"`,
			`HeredocBody "#!/bin/sh\n# not a comment\nRUN nothing \\\n\n"`,
			`HeredocEnd "EOF\n"`,
			`Code "USER b"`,
			`LineEnd "\n"`,
		},
		parts: []string{
			`from "FROM" "a"`,
			`run "RUN" "<<EOF" heredoc "<<EOF" name="EOF" fd=0 chomp=false expand=true body "#!/bin/sh\n# not a comment\nRUN nothing \\\n\n" end "EOF"`,
			`user "USER" "b"`,
		},
	},
	{
		name: "several here-documents",
		text: "FROM a\n" +
			"COPY <<one.txt 3<<-\"two\" << three /dst/\n" +
			"1\n" +
			"one.txt\n" +
			"\t2\n" +
			"\ttwo\n" +
			"three\n" +
			"RUN cat <<'E O F' | \\\n" +
			"  tee x\n" +
			"$HOME\r\n" +
			"E O F\r\n",
		pieces: []string{
			`Code "FROM a"`,
			`LineEnd "\n"`,
			`Code "COPY <<one.txt 3<<-\"two\" << three /dst/"`,
			`LineEnd "\n"`,
			`HeredocBody "1\n"`,
			`HeredocEnd "one.txt\n"`,
			`HeredocBody "\t2\n"`,
			`HeredocEnd "\ttwo\n"`,
			`HeredocEnd "three\n"`,
			`Code "RUN cat <<'E O F' | "`,
			`Continuation "\\\n"`,
			`Code "  tee x"`,
			`LineEnd "\n"`,
			`HeredocBody "$HOME\r\n"`,
			`HeredocEnd "E O F\r\n"`,
		},
		parts: []string{
			`from "FROM" "a"`,
			`copy "COPY" "<<one.txt" "3<<-\"two\"" "<<" "three" "/dst/" heredoc "<<one.txt" name="one.txt" fd=0 chomp=false expand=true body "1\n" end "one.txt" heredoc "3<<-\"two\"" name="two" fd=3 chomp=true expand=false body "\t2\n" end "\ttwo" heredoc "<< three" name="three" fd=0 chomp=false expand=true body "" end "three"`,
			`run "RUN" "cat <<'E O F' | \\\n  tee x"("cat <<'E O F' |   tee x") heredoc "<<'E O F'" name="E O F" fd=0 chomp=false expand=false body "$HOME\r\n" end "E O F"`,
		},
	},
	{
		name: "no here-documents",
		text: "FROM a\n" +
			"CMD cat <<EOF\n" +
			"RUN [\"cat\", \"<<EOF\"]\n" +
			"RUN cat<<EOF\n" +
			"RUN echo $((1<<3)) \"<<x\" <<- y '<<\n" +
			"ENV a=<<EOF\n",
		parts: []string{
			`from "FROM" "a"`,
			`cmd "CMD" "cat <<EOF"`,
			`run "RUN" json "\"cat\""("cat") "\"<<EOF\""("<<EOF")`,
			`run "RUN" "cat<<EOF"`,
			`run "RUN" "echo $((1<<3)) \"<<x\" <<- y '<<"`,
			`env "ENV" "a=<<EOF" pair "a"="<<EOF"`,
		},
	},
	{
		name: "invalid bytes",
		text: "FROM a\n" +
			"RUN \xff\x00 \xc3\n" +
			"ENV K=\xff\xfe L=\x00\n",
		parts: []string{
			`from "FROM" "a"`,
			`run "RUN" "\xff\x00 \xc3"`,
			"env \"ENV\" \"K=\\xff\\xfe\"(\"K=\ufffd\ufffd\") \"L=\\x00\" pair \"K\"=\"\\xff\\xfe\"(\"\ufffd\ufffd\") pair \"L\"=\"\\x00\"",
		},
	},
	{
		name: "no instruction's name",
		text: "FROM a\n" +
			"&& b\n" +
			"{{ if x }}\n" +
			"\ufeffRUN a\n",
		parts: []string{
			`from "FROM" "a"`,
			`&& "&&"`,
			`{{ "{{"`,
			"\ufeffrun \"\\ufeffRUN\"",
		},
		problems: []string{
			`"&&": unknown instruction: &&`,
			`"{{": unknown instruction: {{`,
			"\"\\ufeffRUN\": unknown instruction: \ufeffRUN (did you mean RUN?)",
		},
	},
	{
		name: "no final line end",
		text: "FROM a",
		pieces: []string{
			`Code "FROM a"`,
		},
		parts: []string{
			`from "FROM" "a"`,
		},
	},
	{
		name: "empty",
		text: "",
		problems: []string{
			`"": file with no instructions`,
		},
	},
}
