package validate

import "github.com/shale-build/shale/analysis/change"

func moved(commands ...string) []change.Change {
	var out []change.Change
	for _, c := range commands {
		out = append(out, change.CleanupMoved{Command: c})
	}
	return out
}

const (
	fetch   = "RUN curl -fsSL https://example.com/a.tgz -o /tmp/a.tgz && tar -xzf /tmp/a.tgz -C /opt"
	delete1 = "rm -rf /tmp/a.tgz"
)

// carry makes a Dockerfile that downloads, does what lines say, and cleans up, and
// what a rule would make of it.
func carry(name string, lines ...string) rewriting {
	return rewriting{name: name, before: from("debian:12", append(append([]string{fetch}, lines...), "RUN "+delete1)...), changes: moved(delete1),
		edits: [][2]string{{"-C /opt\n", "-C /opt && " + delete1 + "\n"}, {"\nRUN " + delete1 + "\n", "\n"}}}
}

// refused is a rewriting with the reason to refuse it.
func refused(rw rewriting, reason string) rewriting {
	rw.reason = reason
	return rw
}

const chrome = `FROM debian:12
RUN apt-get update
RUN apt-get install -y wget && wget -q -O /tmp/chrome.deb https://dl.example.com/chrome.deb
RUN apt-get install -y /tmp/chrome.deb
ENV CHROME=/usr/bin/chrome
COPY src /app/src
WORKDIR /app
RUN rm -f /tmp/chrome.deb && rm -rf /var/lib/apt/lists/*
CMD ["/app/src/run"]
`

const sources = `FROM alpine:3.19 AS build
WORKDIR /build
RUN apk add --no-cache curl tar && curl -sSLo src.tar.gz https://example.com/src.tar.gz && tar -xzf src.tar.gz -C /opt
WORKDIR /srv/conf
COPY conf ./conf
RUN mkdir /srv/app && rm -r /build/src.tar.gz
FROM alpine:3.19
COPY --from=build /opt/app /opt/app
`

func init() {
	rights = append(rights, []rewriting{
		carry("over a copy", "COPY app /app"),
		carry("over ENV, ARG, LABEL and WORKDIR", "ENV DEBIAN_FRONTEND=noninteractive", "ARG V", "LABEL a=b", "WORKDIR /srv/app", "LABEL c=d"),
		carry("over nothing"),
		carry("over a script copied to /", "COPY entrypoint.sh /", "RUN chmod +x /entrypoint.sh"),
		carry("over a linked copy", "COPY --link --chown=1:1 app /app/"),
		carry("over a file copied from another stage", "COPY --from=busybox /bin/busybox /usr/local/bin/tool"),
		carry("over RUNs that name other places", "RUN mkdir -p /data && echo ok > /data/x && chown -R 1:1 /data", "WORKDIR /data", "RUN ls x && cp x y"),
		carry("over an install", "RUN apt-get update && apt-get install -y --no-install-recommends git"),
		carry("over a checksum of another file", "RUN curl -o /srv/b https://example.com/b && echo 'abc  /srv/b' | sha256sum -c -"),
		carry("over users", "RUN groupadd -r app && useradd -r -g app app", "RUN mkdir -p /srv/app && chown app /srv/app"),
		carry("over a download elsewhere", "WORKDIR /work", "RUN curl -fsSLO https://example.com/b.zip && unzip b.zip -d /work/b"),
		{name: "a list of clean-ups, over an ENV, a copy and a folder", before: chrome, changes: moved("rm -f /tmp/chrome.deb && rm -rf /var/lib/apt/lists/*"),
			edits: [][2]string{{"-y /tmp/chrome.deb\n", "-y /tmp/chrome.deb \\\n && rm -f /tmp/chrome.deb && rm -rf /var/lib/apt/lists/*\n"}, {"RUN rm -f /tmp/chrome.deb && rm -rf /var/lib/apt/lists/*\n", ""}}},
		{name: "one of two clean-ups", before: chrome, changes: moved("rm -f /tmp/chrome.deb"),
			edits: [][2]string{{"-y /tmp/chrome.deb\n", "-y /tmp/chrome.deb && rm -f /tmp/chrome.deb\n"}, {"RUN rm -f /tmp/chrome.deb && rm", "RUN rm"}}},
		{name: "two clean-ups of one RUN, each to its own place", changes: moved("rm /tmp/a.tgz", "rm /tmp/b.tgz"),
			before: from("debian:12", "RUN curl -o /tmp/a.tgz https://e.com/a", "RUN curl -o /tmp/b.tgz https://e.com/b", "COPY x /x", "RUN rm /tmp/a.tgz && rm /tmp/b.tgz"),
			edits:  [][2]string{{"/a\n", "/a && rm /tmp/a.tgz\n"}, {"/b\n", "/b && rm /tmp/b.tgz\n"}, {"RUN rm /tmp/a.tgz && rm /tmp/b.tgz\n", ""}}},
		{name: "two clean-ups of two RUNs to one place", changes: moved("rm /tmp/a.tgz", "rm /tmp/b.tgz"),
			before: from("debian:12", "RUN curl -o /tmp/a.tgz https://e.com/a && curl -o /tmp/b.tgz https://e.com/b", "COPY x /x", "RUN rm /tmp/a.tgz", "COPY y /y", "RUN rm /tmp/b.tgz"),
			edits:  [][2]string{{"e.com/b\n", "e.com/b && rm /tmp/a.tgz && rm /tmp/b.tgz\n"}, {"RUN rm /tmp/a.tgz\n", ""}, {"RUN rm /tmp/b.tgz\n", ""}}},
		{name: "at the end of a RUN, in a stage that is copied from", before: sources, changes: moved("rm -r /build/src.tar.gz"),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -r /build/src.tar.gz\n"}, {" && rm -r /build/src.tar.gz\nFROM", "\nFROM"}}},
		{name: "at the beginning of a RUN", before: from("debian:12", fetch, "COPY app /app", "RUN rm -rf /tmp/a.tgz && ldconfig"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt \\\n && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz && ldconfig", "RUN ldconfig"}}},
		{name: "behind a subshell", before: from("debian:12", "RUN cd /tmp && curl -o a.tgz https://e.com/a && tar -xf a.tgz -C /opt", "COPY app /app", "RUN rm /tmp/a.tgz"), changes: moved("rm /tmp/a.tgz"),
			edits: [][2]string{{"RUN cd", "RUN ( cd"}, {"-C /opt\n", "-C /opt ) && rm /tmp/a.tgz\n"}, {"RUN rm /tmp/a.tgz\n", ""}}},
		{name: "at the end of a list under errexit", before: from("debian:12", "RUN set -eux; curl -o /tmp/a.tgz https://e.com/a; tar -xf /tmp/a.tgz -C /opt", "COPY app /app", "RUN rm /tmp/a.tgz"), changes: moved("rm /tmp/a.tgz"),
			edits: [][2]string{{"-C /opt\n", "-C /opt; rm /tmp/a.tgz\n"}, {"RUN rm /tmp/a.tgz\n", ""}}},
		{name: "a pattern of one folder", before: from("debian:12", "RUN curl -o /tmp/a.tgz https://e.com/a", "COPY app /app", "RUN mkdir /x", "RUN rm -rf /tmp/*.tgz /var/tmp/*"), changes: moved("rm -rf /tmp/*.tgz /var/tmp/*"),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /tmp/*.tgz /var/tmp/*\n"}, {"RUN rm -rf /tmp/*.tgz /var/tmp/*\n", ""}}},
		{name: "apt's own", before: from("debian:12", "RUN apt-get update && apt-get install -y git", "COPY app /app", "RUN apt-get clean && rm -rf /var/lib/apt/lists/*"), changes: moved("apt-get clean && rm -rf /var/lib/apt/lists/*"),
			edits: [][2]string{{"-y git\n", "-y git && apt-get clean && rm -rf /var/lib/apt/lists/*\n"}, {"RUN apt-get clean && rm -rf /var/lib/apt/lists/*\n", ""}}},
		{name: "yum's own", before: from("rockylinux:9", "RUN yum install -y git", "COPY app /app", "RUN yum clean all && mkdir /x"), changes: moved("yum clean all"),
			edits: [][2]string{{"-y git\n", "-y git && yum clean all\n"}, {"RUN yum clean all && mkdir", "RUN mkdir"}}},
		{name: "by a user of the Dockerfile's", before: from("debian:12", "USER app", "RUN curl -o /tmp/a.tgz https://e.com/a", "COPY app /app", "RUN rm /tmp/a.tgz"), changes: moved("rm /tmp/a.tgz"),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm /tmp/a.tgz\n"}, {"RUN rm /tmp/a.tgz\n", ""}}},
		{name: "with a cache mount elsewhere", before: from("debian:12", "RUN --mount=type=cache,target=/var/cache/apt apt-get install -y git && curl -o /tmp/a.tgz https://e.com/a", "COPY app /app", "RUN rm /tmp/a.tgz"), changes: moved("rm /tmp/a.tgz"),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm /tmp/a.tgz\n"}, {"RUN rm /tmp/a.tgz\n", ""}}},
		{name: "a checksum before an install", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a && echo \"abc /tmp/a\" | sha256sum -c - && cp /tmp/a /opt/a", "RUN apt-get install -y git", "RUN rm /tmp/a"), changes: moved("rm /tmp/a"),
			edits: [][2]string{{"/opt/a\n", "/opt/a && rm /tmp/a\n"}, {"RUN rm /tmp/a\n", ""}}},

		{name: "moved, and what is above it joined", before: from("debian:12", "RUN apt-get update", "RUN apt-get install -y curl && curl -o /tmp/a https://e.com/a", "COPY app /app", "RUN rm /tmp/a"), changes: all(joined, moved("rm /tmp/a")),
			edits: [][2]string{{"update\nRUN apt", "update && apt"}, {"e.com/a\n", "e.com/a && rm /tmp/a\n"}, {"RUN rm /tmp/a\n", ""}}},
		{name: "moved, and joined behind it", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a", "RUN mkdir /x", "COPY app /app", "RUN rm /tmp/a"), changes: all(joined, moved("rm /tmp/a")),
			edits: [][2]string{{"e.com/a\nRUN", "e.com/a && rm /tmp/a &&"}, {"RUN rm /tmp/a\n", ""}}},
		{name: "moved over the links of a base whose tag an argument gives", before: "ARG TAG=bookworm\nFROM debian:$TAG\n" + fetch + "\nRUN cat /srv/a\nRUN " + delete1 + "\n", changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && " + delete1 + "\n"}, {"\nRUN " + delete1 + "\n", "\n"}}},
		{name: "moved out of what is joined", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a", "COPY app /app", "RUN mkdir /x", "RUN rm /tmp/a", "RUN mkdir /y && ls /y", "RUN ls /x"), changes: all(joined, moved("rm /tmp/a")),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm /tmp/a\n"}, {"/x\nRUN rm /tmp/a\nRUN mkdir", "/x && mkdir"}, {"ls /y\nRUN ls /x", "ls /y && ls /x"}}},
		{name: "moved out of a part of what is joined", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a", "COPY app /app", "RUN rm /tmp/a && mkdir /x", "RUN ls /x"), changes: all(joined, moved("rm /tmp/a")),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm /tmp/a\n"}, {"RUN rm /tmp/a && mkdir /x\nRUN ls", "RUN mkdir /x && ls"}}},
		{name: "moved behind a clean-up that was added", before: from("debian:12", "RUN apt-get update && apt-get install -y curl && curl -o /tmp/a https://e.com/a", "COPY app /app", "RUN rm /tmp/a"), changes: all(apt, moved("rm /tmp/a")),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /var/lib/apt/lists/* && rm /tmp/a\n"}, {"RUN rm /tmp/a\n", ""}}},
		{name: "moved before a clean-up that was added", before: from("debian:12", "RUN apt-get update && apt-get install -y curl && curl -o /tmp/a https://e.com/a", "COPY app /app", "RUN rm /tmp/a"), changes: all(apt, moved("rm /tmp/a")),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm /tmp/a && rm -rf /var/lib/apt/lists/*\n"}, {"RUN rm /tmp/a\n", ""}}},
		{name: "moved, with flags before and in the rest", before: from("alpine:3.19", "RUN apk add curl && curl -o /tmp/a https://e.com/a", "COPY app /app", "RUN rm /tmp/a && apk add git"), changes: all(apk, moved("rm /tmp/a")),
			edits: [][2]string{{"apk add curl", "apk add --no-cache curl"}, {"e.com/a\n", "e.com/a && rm /tmp/a\n"}, {"rm /tmp/a && apk add git", "apk add --no-cache git"}}},
		{name: "moved over a RUN that gets mounts", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a", "RUN apt-get update && apt-get install -y git", "RUN rm /tmp/a"), changes: all(aptPair, moved("rm /tmp/a")),
			edits: [][2]string{{"RUN apt", "RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked --mount=type=cache,target=/var/cache/apt,sharing=locked apt"}, {"e.com/a\n", "e.com/a && rm /tmp/a\n"}, {"RUN rm /tmp/a\n", ""}}},
	}...)

	wrongs = append(wrongs, []rewriting{
		refused(carry("over a copy to a place below a copied folder", "COPY app /app", "COPY conf /app/conf"), "a link may lead from /app/conf"),
		refused(carry("over a copy to a place below what another stage brought", "COPY --from=busybox /etc /srv", "COPY conf /srv/conf"), "a link may lead from /srv/conf"),
		refused(carry("over a RUN in a copied folder", "COPY app /app", "RUN cat /app/a"), "/app/a\" may lead through a link"),
		refused(carry("over a RUN in a folder that a linked copy brought", "COPY --link app /app", "RUN cat /app/a"), "/app/a\" may lead through a link"),
		refused(carry("over a RUN in an unpacked folder", "RUN cat /opt/app/a"), "/opt/app/a\" may lead through a link"),
		{name: "out of a RUN that runs in what is deleted", before: from("debian:12", "WORKDIR /tmp/a", "RUN curl -o /tmp/a/f https://e.com/f", "COPY app /app", "RUN rm -rf /tmp/* && ldconfig"), changes: moved("rm -rf /tmp/*"),
			edits: [][2]string{{"e.com/f\n", "e.com/f && rm -rf /tmp/*\n"}, {"RUN rm -rf /tmp/* && ", "RUN "}}, reason: "it runs in a folder that is deleted"},
		{name: "over a RUN that a link lets run in what is deleted", before: from("debian:12", "RUN ln -s /tmp/a /srv/a", "WORKDIR /srv/a", "RUN curl -o /tmp/a/f https://e.com/f", "RUN touch /q", "RUN rm -rf /tmp/a"), changes: moved("rm -rf /tmp/a"),
			edits: [][2]string{{"e.com/f\n", "e.com/f && rm -rf /tmp/a\n"}, {"RUN rm -rf /tmp/a\n", ""}}, reason: "its folder may lead through a link"},
		refused(carry("over a RUN in a WORKDIR that a copy brought", "COPY app /app", "WORKDIR /app", "RUN ls"), "ls\" may lead through a link"),
		refused(carry("over a WORKDIR in a copied folder", "COPY app /app", "WORKDIR /app/work"), "a link may lead from /app/work"),
		{name: "over an outside base's links", before: from("example.com/base", fetch, "RUN cat /srv/a", "RUN "+delete1), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && " + delete1 + "\n"}, {"\nRUN " + delete1 + "\n", "\n"}}, reason: "/srv/a\" may lead through a link"},
		{name: "over the links of a base that an argument names", before: "ARG BASE=debian:12\nFROM $BASE\n" + fetch + "\nRUN cat /srv/a\nRUN " + delete1 + "\n", changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && " + delete1 + "\n"}, {"\nRUN " + delete1 + "\n", "\n"}}, reason: "/srv/a\" may lead through a link"},
		{name: "over links that an unknown program made before", before: from("debian:12", "RUN /setup.sh", fetch, "RUN cat /srv/a", "RUN "+delete1), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && " + delete1 + "\n"}, {"\nRUN " + delete1 + "\n", "\n"}}, reason: "/srv/a\" may lead through a link"},
		{name: "moved over a split copy", before: from("golang:1.22", "RUN curl -o /tmp/a https://e.com/a", "WORKDIR /src", "COPY . ./", "RUN go mod download", "RUN rm /tmp/a", "RUN go build ./..."), changes: all(split("go.mod", "go.sum"), moved("rm /tmp/a")),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm /tmp/a\n"}, {"COPY . ./\nRUN go mod download\nRUN rm /tmp/a", "COPY go.mod go.sum ./\nRUN go mod download\nCOPY . ./"}}, reason: "go\" may lead through a link"},
		refused(carry("over a RUN that reads the file", "RUN cp /tmp/a.tgz /data"), "\"/tmp/a.tgz\" may name"),
		refused(carry("over a RUN that reads its folder", "RUN cp -r /tmp /data"), "\"/tmp\" may name"),
		refused(carry("over a RUN that reads all", "RUN find / -name x"), "\"/\" may name"),
		refused(carry("over a RUN in its folder", "RUN cd /tmp && cp * /data"), "\"/tmp\" may name what is deleted"),
		refused(carry("over a RUN that gets to its folder by steps", "WORKDIR /srv/x", "RUN cd ../.. && cp tmp/a.tgz /data"), "may name what is deleted"),
		refused(carry("over a folder nobody knows", "RUN cd && cp a.tgz /data"), "may name what is deleted"),
		refused(carry("over a WORKDIR and a relative name", "WORKDIR /tmp/", "RUN ls a.tgz"), "may name what is deleted"),
		refused(carry("over all of /", "RUN tar -cf /data/x.tar -C/ tmp"), "may name what is deleted"),
		refused(carry("over a listing of the folder in force", "RUN du"), "du works in a folder that holds"),
		refused(carry("over an archive unpacked into /", "RUN tar -xf /opt/x.tar"), "tar works in a folder that holds"),
		refused(carry("over a pattern that reaches it", "RUN ls /tmp/a*"), "may name what is deleted"),
		refused(carry("over a pattern of folders", "RUN ls /*/a.tgz"), "may name what is deleted"),
		refused(carry("over a variable", "ENV F=/tmp/a.tgz", "RUN ls $F"), "F names what is deleted"),
		refused(carry("over a variable of part of the name", "ENV D=/tmp", "RUN ls $D/a.tgz"), "may name what is deleted"),
		refused(carry("over a variable of the script's", "ARG D=/data", "RUN for D in tmp; do ls /$D; done"), "may name what is deleted"),
		refused(carry("over a variable nobody knows", "RUN ls $FILES"), "may name what is deleted"),
		refused(carry("over a substitution", "RUN ls $(cat /list)"), "may name what is deleted"),
		refused(carry("over a redirection", "RUN cat < /tmp/a.tgz > /data"), "may name what is deleted"),
		refused(carry("over a test", "RUN [ -f /tmp/a.tgz ] && touch /data"), "may name what is deleted"),
		refused(carry("over a here-document", "RUN cat <<EOF > /x", "/tmp/a.tgz", "EOF"), "here-document"),
		refused(carry("over a URL of a file", "RUN curl -o /x file:///tmp/a.tgz"), "may name what is deleted"),
		refused(carry("over a list of names", "WORKDIR /w", "RUN tar -C /w -cf /x.tar -T /list"), "tar takes the names of files from a file"),
		refused(carry("over names as they stand in an archive", "WORKDIR /w", "RUN tar xPf /x.tar -C /w"), "tar takes the names of files from a file"),
		refused(carry("over checksums of files in a list", "RUN sha256sum -c /list"), "sha256sum takes the names of files from a file"),
		refused(carry("over a checksum of it", "RUN echo 'abc  /tmp/a.tgz' | sha256sum -c -"), "may name what is deleted"),
		refused(carry("over a packer of somebody's", "RUN tar -cIfrobnicate -f /x.tar /data"), "tar runs or removes what it is told"),
		refused(carry("over an unknown program", "RUN frobnicate"), "frobnicate is not a known program"),
		refused(carry("over a script", "RUN ./install.sh"), "./install.sh is not a known program"),
		refused(carry("over the exec form", `RUN ["cp", "/tmp/a.tgz", "/data"]`), "not a shell's script"),
		refused(carry("over make", "RUN make"), "make may run what is not known"),
		refused(carry("over npm ci", "WORKDIR /app", "RUN npm ci"), "npm may run what is not known"),
		refused(carry("over pip install", "RUN pip install flask"), "pip may run what is not known"),
		refused(carry("over xargs", "RUN ls /data | xargs cat"), "xargs runs what it is told"),
		refused(carry("over a copy into it", "COPY x /tmp/a.tgz"), "it makes /tmp/a.tgz"),
		refused(carry("over a copy into its folder", "COPY x /tmp/"), "it makes /tmp"),
		refused(carry("over a copy to /", "COPY rootfs /"), "may replace the programs"),
		refused(carry("over a linked copy to its folder", "COPY --link x /tmp/"), "it makes /tmp"),
		refused(carry("over an archive", "ADD rootfs.tar /"), "may replace the programs"),
		refused(carry("over a folder made where it was", "WORKDIR /tmp/a.tgz/x"), "it makes /tmp/a.tgz/x"),
		refused(carry("over another rm", "COPY rm /usr/local/bin/rm"), "may replace the programs"),
		refused(carry("over another shell", "COPY busybox /bin/sh"), "may replace the programs"),
		refused(carry("over a bind mount of its folder", "RUN --mount=type=bind,target=/tmp ls /data"), "its mount at /tmp"),
		refused(carry("over a tmpfs", "RUN --mount=type=tmpfs,target=/tmp/a.tgz ls /data"), "its mount at /tmp/a.tgz"),
		refused(carry("over USER", "USER app"), "ran as the user \"app\""),
		refused(carry("over SHELL", `SHELL ["/bin/dash", "-c"]`), "another SHELL"),
		refused(carry("over PATH", "ENV PATH=/opt/bin:$PATH"), "another PATH"),
		refused(carry("over HOME", "ENV HOME=/data"), "another HOME"),
		refused(carry("over LD_PRELOAD", "ARG LD_PRELOAD=/x.so"), "another LD_PRELOAD"),
		refused(carry("over BASH_ENV", "ENV BASH_ENV=/x"), "another BASH_ENV"),
		refused(carry("over what removes the folder in force", "WORKDIR /srv/app", "RUN rm -rf /srv/app"), "rm may remove the folder /srv/app"),
		refused(carry("over an unreadable script", "RUN ls &> /data"), "cannot be read with certainty"),
		refused(carry("over a trap", "RUN trap 'ls' EXIT"), "trap may run"),
		refused(carry("over a background job", "RUN sleep 1 & ls /data"), "background"),

		{name: "over a RUN that found it by a link", before: from("debian:12", fetch+" && ln -s /tmp/a.tgz /data", "RUN cp /data /x", "RUN rm /tmp/a.tgz"), changes: moved("rm /tmp/a.tgz"),
			edits: [][2]string{{"/data\nRUN cp", "/data && rm /tmp/a.tgz\nRUN cp"}, {"RUN rm /tmp/a.tgz\n", ""}}, reason: "may lead through a link"},
		{name: "over an install that was told of it", before: from("debian:12", "RUN curl -o /tmp/repo/Packages https://e.com/a && echo 'deb file:/tmp/repo ./' > /etc/apt/sources.list.d/x.list", "RUN apt-get update && apt-get install -y x", "RUN rm -r /tmp/repo"), changes: moved("rm -r /tmp/repo"),
			edits: [][2]string{{"x.list\n", "x.list && rm -r /tmp/repo\n"}, {"RUN rm -r /tmp/repo\n", ""}}, reason: "apt-get may have been told of it"},
		{name: "over an install that a copied file told of it", before: from("debian:12", "COPY x.list /etc/apt/sources.list.d/", "RUN curl -o /tmp/repo/Packages https://e.com/a", "RUN apt-get update && apt-get install -y x", "RUN rm -r /tmp/repo"), changes: moved("rm -r /tmp/repo"),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -r /tmp/repo\n"}, {"RUN rm -r /tmp/repo\n", ""}}, reason: "apt-get may have been told of it"},
		{name: "over a program that is deleted", before: from("debian:12", "ENV PATH=/opt/bin:/bin", "RUN curl -o /opt/bin/jq https://e.com/jq && chmod +x /opt/bin/jq", "RUN jq --version", "RUN rm /opt/bin/jq"), changes: moved("rm /opt/bin/jq"),
			edits: [][2]string{{"x /opt/bin/jq\n", "x /opt/bin/jq && rm /opt/bin/jq\n"}, {"RUN rm /opt/bin/jq\n", ""}}, reason: "jq may be what is deleted"},
		{name: "over an install that uses the lists", before: from("debian:12", "RUN apt-get update", "RUN apt-get install -y git", "RUN rm -rf /var/lib/apt/lists/*"), changes: moved("rm -rf /var/lib/apt/lists/*"),
			edits: [][2]string{{"update\n", "update && rm -rf /var/lib/apt/lists/*\n"}, {"RUN rm -rf /var/lib/apt/lists/*\n", ""}}, reason: "apt-get may need or fill"},
		{name: "over an install that fills /tmp", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a", "RUN apt-get install -y git", "RUN rm -rf /tmp/*"), changes: moved("rm -rf /tmp/*"),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /tmp/*\n"}, {"RUN rm -rf /tmp/*\n", ""}}, reason: "apt-get may need or fill"},
		{name: "over settings of the manager that cleans", before: from("debian:12", "RUN apt-get update && apt-get install -y git", "COPY 99x /etc/apt/apt.conf.d/99x", "RUN apt-get clean"), changes: moved("apt-get clean"),
			edits: [][2]string{{"-y git\n", "-y git && apt-get clean\n"}, {"RUN apt-get clean\n", ""}}, reason: "it makes /etc/apt"},
		{name: "over the environment of the manager that cleans", before: from("debian:12", "RUN apt-get update && apt-get install -y git", "ENV APT_CONFIG=/x", "RUN apt-get clean"), changes: moved("apt-get clean"),
			edits: [][2]string{{"-y git\n", "-y git && apt-get clean\n"}, {"RUN apt-get clean\n", ""}}, reason: "another environment"},

		{name: "before what makes the file", before: from("debian:12", "RUN mkdir /x", fetch, "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"RUN mkdir /x", "RUN mkdir /x && rm -rf /tmp/a.tgz"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "\"/tmp/a.tgz\" may name"},
		{name: "in front of what makes the file", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"RUN curl", "RUN rm -rf /tmp/a.tgz && curl"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "no declared change explains"},
		{name: "out of a condition", before: from("debian:12", fetch, "COPY x /x", "RUN if [ -f /x ]; then rm -rf /tmp/a.tgz; fi"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN if [ -f /x ]; then rm -rf /tmp/a.tgz; fi\n", ""}}, reason: "no declared change explains"},
		{name: "from the left of ||", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz || true"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz || true\n", ""}}, reason: "no declared change explains"},
		{name: "from the right of ||", before: from("debian:12", fetch, "COPY x /x", "RUN ls /y || ls /z && rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt || rm -rf /tmp/a.tgz\n"}, {" && rm -rf /tmp/a.tgz\n", "\n"}}, reason: "no declared change explains"},
		{name: "from behind a ;", before: from("debian:12", fetch, "COPY x /x", "RUN ls /y; rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"; rm -rf /tmp/a.tgz\n", "\n"}}, reason: "no declared change explains"},
		{name: "from behind an exit", before: from("debian:12", fetch, "COPY x /x", "RUN ls /y && exit 0 && rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"exit 0 && rm -rf /tmp/a.tgz\n", "exit 0\n"}}, reason: "exit before the clean-up"},
		{name: "from behind a list that goes on", before: from("debian:12", `SHELL ["/bin/sh", "-ec"]`, fetch, "COPY x /x", "RUN ( ls /y; ls /z ) && rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"ls /z ) && rm -rf /tmp/a.tgz\n", "ls /z )\n"}}, reason: "can go on after a failure"},
		{name: "out of a RUN that names the file before", before: from("debian:12", fetch, "COPY x /x", "RUN cp /tmp/a.tgz /y && rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"/tmp/a.tgz /y && rm -rf /tmp/a.tgz\n", "/tmp/a.tgz /y\n"}}, reason: "may name what is deleted"},
		{name: "out of a RUN with a comment", before: from("debian:12", fetch, "COPY x /x", "RUN ls /y && rm -rf /tmp/a.tgz # done"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {" && rm -rf /tmp/a.tgz # done\n", "\n"}}, reason: "no declared change explains"},
		{name: "more than the clean-up", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz && ls /x && ls /y"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz && ls /x && ls", "RUN ls"}}, reason: "no declared change explains"},
		{name: "behind a list without errexit", before: from("debian:12", "RUN curl -o /tmp/a.tgz https://e.com/a; zcat /tmp/a.tgz", "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{".tgz\nCOPY", ".tgz; rm -rf /tmp/a.tgz\nCOPY"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "no declared change explains"},
		{name: "behind the last element of such a list", before: from("debian:12", "RUN curl -o /tmp/a.tgz https://e.com/a; zcat /tmp/a.tgz", "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{".tgz\nCOPY", ".tgz && rm -rf /tmp/a.tgz\nCOPY"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "no declared change explains"},
		{name: "behind a ||", before: from("debian:12", "RUN ls /x || curl -o /tmp/a.tgz https://e.com/a", "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "without parentheses"},
		{name: "behind a background job", before: from("debian:12", "RUN curl -o /tmp/a.tgz https://e.com/a && ( sleep 1 & ls / )", "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"ls / )", "ls / ) && rm -rf /tmp/a.tgz"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "background"},
		{name: "behind a cd that leaks", before: from("debian:12", "RUN cd /tmp && curl -o a.tgz https://e.com/a", "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "cd leaks"},
		{name: "behind an unknown program", before: from("debian:12", "RUN frobnicate /tmp/a.tgz", "LABEL a=b", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"/tmp/a.tgz\nLABEL", "/tmp/a.tgz && rm -rf /tmp/a.tgz\nLABEL"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "frobnicate is not a known program"},
		{name: "under a cache mount", before: from("debian:12", "RUN --mount=type=cache,target=/root/.cache/x curl -o /root/.cache/x/a https://e.com/a", "COPY x /x", "RUN rm -rf /root/.cache/x"), changes: moved("rm -rf /root/.cache/x"),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /root/.cache/x\n"}, {"RUN rm -rf /root/.cache/x\n", ""}}, reason: "its mount at /root/.cache/x"},
		{name: "out of a mount of its own", before: from("debian:12", fetch, "RUN --mount=type=cache,target=/c rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN --mount=type=cache,target=/c rm -rf /tmp/a.tgz\n", ""}}, reason: "its mounts would leave no folder"},
		{name: "into more security", before: from("debian:12", "RUN --security=insecure curl -o /tmp/a.tgz https://e.com/a", "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"e.com/a\n", "e.com/a && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "other security, devices or limits"},
		{name: "two clean-ups swapped", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz", "RUN rm /opt/x.tgz"), changes: moved(delete1, "rm /opt/x.tgz"),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm /opt/x.tgz && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}, {"RUN rm /opt/x.tgz\n", ""}}, reason: "\"/tmp/a.tgz\" may name"},
		{name: "two clean-ups that meet", before: from("debian:12", fetch, "COPY x /x", "RUN rm /tmp/a.tgz", "COPY y /y", "RUN rm /tmp/a*"), changes: moved("rm /tmp/a.tgz", "rm /tmp/a*"),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm /tmp/a.tgz && rm /tmp/a*\n"}, {"RUN rm /tmp/a.tgz\n", ""}, {"RUN rm /tmp/a*\n", ""}}, reason: "meet on their way"},
		{name: "only removed, from the RUN after", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "is gone, and no earlier RUN ends with it"},
		{name: "only removed, and nothing names it", before: from("debian:12", "RUN ls /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "is gone, and no earlier RUN ends with it"},
		{name: "only removed, over an empty base", before: from("scratch", "COPY x /x", `SHELL ["/bin/sh", "-c"]`, "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "is gone, and no earlier RUN ends with it"},
		{name: "only removed from a list", before: from("debian:12", "RUN ls /x", "RUN rm -rf /tmp/a.tgz && ls /y"), changes: moved(delete1),
			edits: [][2]string{{"RUN rm -rf /tmp/a.tgz && ", "RUN "}}, reason: "is gone, and no earlier RUN ends with it"},
		{name: "only added", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}}, reason: "no declared change explains"},
		{name: "added twice", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "no declared change explains"},
		{name: "another RUN gone", before: from("debian:12", fetch, "RUN mkdir /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\nRUN mkdir /x\nRUN", "-C /opt &&"}}, reason: "no declared change explains"},
		{name: "the clean-up changed on its way", before: from("debian:12", fetch, "COPY x /x", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -f /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "\"/tmp/a.tgz\" may name"},
		{name: "across stages", before: "FROM debian:12 AS a\n" + fetch + "\nFROM a\nCOPY x /x\nRUN rm -rf /tmp/a.tgz\n", changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "stage a: no declared change explains"},
		{name: "into a stage that is copied from", before: "FROM debian:12 AS a\n" + fetch + "\nFROM debian:12\nCOPY --from=a /opt /opt\nRUN rm -rf /tmp/a.tgz\n", changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "no declared change explains"},
		{name: "a comment lost", before: from("debian:12", fetch, "COPY x /x", "# tidy up", "RUN rm -rf /tmp/a.tgz"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"# tidy up\nRUN rm -rf /tmp/a.tgz\n", ""}}, reason: "comment \"# tidy up\" is lost"},
		{name: "an ignore comment left alone", before: from("debian:12", fetch, "COPY x /x", "# hadolint ignore=DL3059", "RUN rm -rf /tmp/a.tgz", "RUN ls /"), changes: moved(delete1),
			edits: [][2]string{{"-C /opt\n", "-C /opt && rm -rf /tmp/a.tgz\n"}, {"RUN rm -rf /tmp/a.tgz\n", ""}}, reason: "no longer stands at its instruction"},
	}...)

	for command, reason := range map[string]string{
		"rm -rf tmp/a.tgz":             "not a path that may be deleted",
		"rm -rf a.tgz":                 "not a path that may be deleted",
		"rm -rf /":                     "not a path that may be deleted",
		"rm -rf /*":                    "not a path that may be deleted",
		"rm -rf /tmp":                  "not a path that may be deleted",
		"rm -rf /tmp/../etc":           "not a path that may be deleted",
		"rm -rf /etc/x":                "not a path that may be deleted",
		"rm -rf /usr/bin/x":            "not a path that may be deleted",
		"rm -rf /var/lib/apt":          "not a path that may be deleted",
		"rm -rf /tmp/*/x":              "not a path that may be deleted",
		"rm -rf /home/app":             "not a path that may be deleted",
		"rm -rf ~/x":                   "does not name literal paths",
		"rm -rf $F":                    "does not name literal paths",
		"rm -rf /tmp/a?":               "does not name literal paths",
		"rm -rf '/tmp/a*'":             "quoted pattern",
		"rm -ri /tmp/a":                "rm -ri is not known",
		"rm -rf":                       "deletes nothing",
		"rm -rf /tmp/a > /x":           "not a clean-up that is known",
		"V=1 rm -rf /tmp/a":            "not a clean-up that is known",
		"rm -rf /tmp/a || true":        "not a clean-up that is known",
		"find /tmp/a -delete":          "not a clean-up that is known",
		"apt-get clean -o Dir=/x":      "not a clean-up that is known",
		"npm cache clean --force":      "not a clean-up that is known",
		"rm -rf /tmp/a && apt-get -y":  "not a clean-up that is known",
		"apt-get remove -y curl":       "not a clean-up that is known",
		"sudo rm -rf /tmp/a":           "not a clean-up that is known",
		"busybox rm -rf /tmp/a":        "not a clean-up that is known",
		"( rm -rf /tmp/a )":            "not a clean-up that is known",
		"rm -rf /tmp/a | cat":          "not a clean-up that is known",
		"rm -rf /tmp/a && mkdir /data": "not a clean-up that is known",
	} {
		wrongs = append(wrongs, rewriting{name: "moving " + command, before: from("debian:12", "RUN touch /tmp/a", "COPY x /x", "RUN "+command), changes: moved(command),
			edits: [][2]string{{"/tmp/a\nCOPY", "/tmp/a && " + command + "\nCOPY"}, {"RUN " + command + "\n", ""}}, reason: reason})
	}
}
