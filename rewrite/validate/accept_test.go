package validate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/change"
)

// A rewriting is a text and what a fix made of it.
type rewriting struct {
	name    string
	before  string
	edits   [][2]string // old and new text, each old one standing once in before
	changes []change.Change
	reason  string // for a wrong one, a part of the reason it must be refused for
}

func (rw rewriting) after(t *testing.T) string {
	t.Helper()
	after := rw.before
	for _, e := range rw.edits {
		if strings.Count(after, e[0]) != 1 {
			t.Fatalf("%q does not stand once in the text", e[0])
		}
		after = strings.Replace(after, e[0], e[1], 1)
	}
	return after
}

var (
	joined  = []change.Change{change.Joined{}}
	apt     = []change.Change{change.Cleaned{Cleanup: change.AptLists}}
	apk     = []change.Change{change.FlagAdded{Flag: change.ApkNoCache}}
	pip     = []change.Change{change.FlagAdded{Flag: change.PipNoCacheDir}}
	npm     = []change.Change{change.Cleaned{Cleanup: change.NpmCache}}
	aptPair = []change.Change{
		change.MountAdded{Target: "/var/lib/apt/lists", Sharing: "locked"},
		change.MountAdded{Target: "/var/cache/apt", Sharing: "locked"},
	}
	pipMount = []change.Change{change.MountAdded{Target: "/root/.cache/pip"}}
	dnf      = []change.Change{change.Cleaned{Cleanup: change.Dnf4Cache}}
	npmMount = []change.Change{change.MountAdded{Target: "/root/.npm"}}
	goMounts = []change.Change{change.MountAdded{Target: "/go/pkg/mod"}, change.MountAdded{Target: "/root/.cache/go-build"}}
)

var yarnMount = []change.Change{change.MountAdded{Target: "/usr/local/share/.cache/yarn", Sharing: "locked"}}

const aptFlags = "RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked --mount=type=cache,target=/var/cache/apt,sharing=locked"

// dropped adds clean-ups that are gone to other changes.
func dropped(changes []change.Change, texts ...string) []change.Change {
	out := append([]change.Change{}, changes...)
	for _, text := range texts {
		out = append(out, change.CleanupDropped{Text: text})
	}
	return out
}

func cleaned(all ...change.Cleanup) []change.Change {
	var out []change.Change
	for _, k := range all {
		out = append(out, change.Cleaned{Cleanup: k})
	}
	return out
}

func flagged(all ...change.Flag) []change.Change {
	var out []change.Change
	for _, f := range all {
		out = append(out, change.FlagAdded{Flag: f})
	}
	return out
}

func split(files ...string) []change.Change { return []change.Change{change.CopySplit{Files: files}} }

var copyMoved = []change.Change{change.CopyMoved{}}

func all(lists ...[]change.Change) []change.Change {
	var out []change.Change
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

const phpApp = `FROM php:8.2-apache
LABEL maintainer="ops@example.com"

# What the extensions need
RUN apt-get update
RUN apt-get install -y --no-install-recommends \
    libzip-dev \
    # for gd
    libpng-dev
RUN rm -rf /var/lib/apt/lists/*

ENV APACHE_DOCUMENT_ROOT=/var/www/html/public
COPY . /var/www/html
EXPOSE 80
HEALTHCHECK --interval=30s CMD curl -f http://localhost/ || exit 1
CMD ["apache2-foreground"]
`

const nodeApp = `# syntax=docker/dockerfile:1
FROM node:20-slim AS build
WORKDIR /app
COPY --chown=node:node . .
RUN npm ci
RUN npm run build

FROM nginx:1.25
COPY --from=build /app/dist /usr/share/nginx/html
`

const pyApp = `FROM python:3.12-slim
WORKDIR /srv/app
COPY . .
RUN pip install -r requirements.txt -c constraints/base.txt
ENV PYTHONUNBUFFERED=1
CMD ["python", "app.py"]
`

const goApp = `FROM golang:1.22 AS build
WORKDIR /src
COPY . ./
RUN go mod download
RUN go build -o /out/app ./cmd/app
FROM scratch
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
`

const debTools = `FROM debian:12
USER root
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl
RUN curl -fsSL https://example.com/tool.tar.gz -o /tmp/tool.tar.gz
RUN tar -xzf /tmp/tool.tar.gz -C /opt
RUN rm /tmp/tool.tar.gz
WORKDIR /work
CMD ["/opt/tool/run"]
`

var rights = []rewriting{
	{name: "two lists joined bare", before: phpApp, changes: joined,
		edits: [][2]string{{"RUN apt-get update\nRUN apt-get install", "RUN apt-get update \\\n && apt-get install"}}},
	{name: "three RUNs joined bare, a comment kept inside", before: phpApp, changes: joined,
		edits: [][2]string{
			{"RUN apt-get update\nRUN apt-get install", "RUN apt-get update \\\n && apt-get install"},
			{"libpng-dev\nRUN rm", "libpng-dev \\\n && rm"}}},
	{name: "tabs around the connector", before: phpApp, changes: joined,
		edits: [][2]string{{"RUN apt-get update\nRUN apt-get install", "RUN apt-get update\t&& \\\n\tapt-get install"}}},
	{name: "joined across config that no RUN sees", changes: joined,
		before: "FROM alpine:3.19\nRUN apk add --no-cache curl\nEXPOSE 80\nLABEL a=b\nVOLUME /data\nRUN mkdir -p /data/x\n",
		edits:  [][2]string{{"curl\nEXPOSE 80\nLABEL a=b\nVOLUME /data\nRUN mkdir", "curl \\\n && mkdir"}, {"/data/x\n", "/data/x\nEXPOSE 80\nLABEL a=b\nVOLUME /data\n"}}},
	{name: "a folder moved that must be, each in a shell of its own", before: from("debian:12", "RUN cd /usr/src && git clone https://e.com/a.git", "RUN mv /usr/src/a /srv/a"), changes: joined,
		edits: [][2]string{{"RUN cd /usr/src && git clone https://e.com/a.git\nRUN mv /usr/src/a /srv/a", "RUN ( cd /usr/src && git clone https://e.com/a.git ) && ( mv /usr/src/a /srv/a )"}}},
	{name: "joined behind a clone elsewhere, from a folder of the PATH", before: from("debian:12", "WORKDIR /usr/local/bin", "RUN curl -o /srv/a https://e.com/a && git clone https://e.com/r /srv/r", "RUN curl -o /srv/b https://e.com/b"), changes: joined,
		edits: [][2]string{{"/srv/r\nRUN", "/srv/r &&"}}},
	{name: "joined behind an archive that is made", before: from("debian:12", "RUN curl -o /tmp/a https://e.com/a && tar -czf /opt/o.tgz /tmp/a", "RUN rm /tmp/a"), changes: joined,
		edits: [][2]string{{"/tmp/a\nRUN", "/tmp/a &&"}}},
	{name: "joined behind packages, a download into the home", before: from("debian:12", "USER root", "RUN apt-get update && apt-get install -y git", `RUN wget -q -O "$HOME/x" -o ~/log https://e.com/x && rm -rf /var/lib/apt/lists/*`), changes: joined,
		edits: [][2]string{{"-y git\nRUN", "-y git &&"}}},
	{name: "download, unpack and delete", before: debTools, changes: joined,
		edits: [][2]string{
			{"tool.tar.gz\nRUN tar", "tool.tar.gz \\\n && tar"}, {"-C /opt\nRUN rm", "-C /opt \\\n && rm"}}},
	{name: "a download in a folder of its own", before: "FROM debian:12\nRUN apt-get install -y git\nRUN mkdir /src && cd /src && wget -O b.zip https://x.org/b\n", changes: joined,
		edits: [][2]string{{"git\nRUN", "git &&"}}},
	{name: "a builtin is not looked up", before: "FROM debian:12\nRUN echo a && cp /srv/echo /usr/local/bin/echo\nRUN echo b\n", changes: joined,
		edits: [][2]string{{"bin/echo\nRUN", "bin/echo &&"}}},
	{name: "a clean-up before a purge of what was installed by its name", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y curl=7.* g++\nRUN apt-mark manual curl && apt-get purge -y --auto-remove g++ && apt-get autoremove -y\n",
		edits:  [][2]string{{"install -y curl=7.* g++", "install -y curl=7.* g++ && rm -rf /var/lib/apt/lists/*"}}},
	{name: "a clean-up before a purge in one RUN of what was installed there", changes: append(slices.Clone(apt), joined...),
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y g++\nRUN apt-get purge -y --auto-remove g++\n",
		edits:  [][2]string{{"install -y g++\nRUN", "install -y g++ && rm -rf /var/lib/apt/lists/* &&"}}},
	{name: "a clean-up in one of two equal stages", changes: apt,
		before: "FROM debian:12 AS a\nRUN apt-get update && apt-get install -y curl\nFROM debian:12\nRUN apt-get update && apt-get install -y curl\nCOPY --from=a --chown=www-data /usr/bin/curl /usr/local/bin/\n",
		edits:  [][2]string{{"curl\nCOPY", "curl && rm -rf /var/lib/apt/lists/*\nCOPY"}}},
	{name: "a clean-up in both of two equal stages", changes: apt,
		before: "FROM debian:12 AS a\nRUN apt-get update && apt-get install -y curl\nFROM debian:12\nRUN apt-get update && apt-get install -y curl\nRUN --mount=from=a,source=/usr/bin,target=/a cp /a/curl /srv\n",
		edits:  [][2]string{{"curl\nRUN", "curl && rm -rf /var/lib/apt/lists/*\nRUN"}, {"curl\nFROM", "curl && rm -rf /var/lib/apt/lists/*\nFROM"}}},
	{name: "a deletion joined in one of two equal stages", changes: joined,
		before: "FROM debian:12 AS a\nRUN curl -fso /tmp/t.gz https://x.org/t.gz\nRUN rm /tmp/t.gz\nFROM debian:12\nRUN curl -fso /tmp/t.gz https://x.org/t.gz\nRUN rm /tmp/t.gz\nCOPY --from=a /usr/bin/curl /srv/curl\n",
		edits:  [][2]string{{"t.gz\nRUN rm /tmp/t.gz\nCOPY", "t.gz && rm /tmp/t.gz\nCOPY"}}},
	{name: "a clean-up before an index that is fetched anew", changes: cleaned(change.YumCache),
		before: "FROM centos:7\nRUN yum install -y wget\nRUN yum clean all && yum makecache\nRUN yum install -y php\nRUN yum clean all\n",
		edits:  [][2]string{{"-y wget", "-y wget && rm -rf /var/cache/yum/*"}}},
	{name: "a clean-up before pacman removes and cleans up", changes: cleaned(change.PacmanIndex),
		before: "FROM archlinux\nRUN pacman -Sy --noconfirm git\nRUN pacman -Rns --noconfirm git\nRUN pacman -Scc --noconfirm\n",
		edits:  [][2]string{{"confirm git\nRUN pacman -R", "confirm git && rm -rf /var/lib/pacman/sync/*\nRUN pacman -R"}}},
	{name: "a clean-up behind a list of which root does not mind the outcome", changes: apt,
		before: "FROM debian:12\nUSER root\nRUN apt-get update && apt-get install -y python3-pip; pip install flower\n",
		edits:  [][2]string{{"flower", "flower && rm -rf /var/lib/apt/lists/*"}}},
	{name: "unpacked to where a variable leads", changes: joined,
		before: "FROM debian:12\nENV D=/opt/x\nRUN unzip /tmp/a.zip -d ${D}\nRUN rm /tmp/a.zip\n",
		edits:  [][2]string{{"${D}\nRUN rm", "${D} \\\n && rm"}}},
	{name: "a cd kept in its own subshell", changes: joined,
		before: "FROM ubuntu:22.04\nRUN cd /tmp && curl -fsSLO https://example.com/x.zip && unzip x.zip\nRUN rm /tmp/x.zip\n",
		edits:  [][2]string{{"RUN cd", "RUN ( cd"}, {"unzip x.zip\nRUN rm /tmp/x.zip", "unzip x.zip ) \\\n && ( rm /tmp/x.zip )"}}},
	{name: "a copy, and a deletion, in the folder that a cd leads to for certain", changes: joined,
		before: "FROM ubuntu:22.04\nWORKDIR /app\nENV TO=/opt/tool\nRUN cd $TO && cp a b && curl -fsSL https://example.com/x.tgz | tar -xz && rm a\nRUN mkdir /srv/x\n",
		edits:  [][2]string{{"RUN cd", "RUN ( cd"}, {"rm a\nRUN mkdir", "rm a ) \\\n && mkdir"}}},
	{name: "a subshell left of a bare list", changes: joined,
		before: "FROM ubuntu:22.04\nRUN cd /tmp && curl -fsSLO https://example.com/x.zip && unzip x.zip\nRUN rm /tmp/x.zip\n",
		edits:  [][2]string{{"RUN cd", "RUN ( cd"}, {"unzip x.zip\nRUN rm", "unzip x.zip ) \\\n && rm"}}},
	{name: "braces around a last body with ||", changes: joined,
		before: "FROM debian:12\nRUN mkdir -p /data\nRUN ls /data || mkdir /data/x\n",
		edits:  [][2]string{{"/data\nRUN ls", "/data \\\n && { ls"}, {"/data/x\n", "/data/x; }\n"}}},
	{name: "both under set -eux, the second one dropped", changes: joined,
		before: "FROM debian:12\nRUN set -eux; apt-get update; apt-get install -y curl\nRUN set -eux; rm -rf /var/lib/apt/lists/*; ls /\n",
		edits:  [][2]string{{"curl\nRUN set -eux; rm", "curl; \\\n    rm"}}},
	{name: "both under set -eux, the second one kept", changes: joined,
		before: "FROM debian:12\nRUN set -eux; apt-get update; apt-get install -y curl\nRUN set -eux; rm -rf /var/lib/apt/lists/*; ls /\n",
		edits:  [][2]string{{"curl\nRUN set -eux; rm", "curl; \\\n    set -eux; rm"}}},
	{name: "subshells under a SHELL with -e", changes: joined,
		before: "FROM debian:12\nSHELL [\"/bin/sh\", \"-ec\"]\nRUN ls /a; mkdir /b\nRUN ls /b || mkdir /c\n",
		edits:  [][2]string{{"RUN ls /a; mkdir /b\nRUN ls /b || mkdir /c", "RUN ( ls /a; mkdir /b ); \\\n    ( ls /b || mkdir /c )"}}},
	{name: "subshells under set -e", changes: joined,
		before: "FROM debian:12\nSHELL [\"/bin/sh\", \"-c\"]\nRUN ls /a; mkdir /b\nRUN ls /b || mkdir /c\n",
		edits:  [][2]string{{"RUN ls /a; mkdir /b\nRUN ls /b || mkdir /c", "RUN set -e; ( set +e; ls /a; mkdir /b ); \\\n    ( set +e; ls /b || mkdir /c )"}}},
	{name: "a last ; dropped", changes: joined,
		before: "FROM debian:12\nRUN apt-get update;\nRUN apt-get install -y curl\n",
		edits:  [][2]string{{"update;\nRUN apt", "update && apt"}}},
	{name: "the same cache mounts on both", changes: joined,
		before: "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip pip install flask\nRUN --mount=type=cache,target=/root/.cache/pip rm -rf /tmp/x\n",
		edits:  [][2]string{{"flask\nRUN --mount=type=cache,target=/root/.cache/pip rm", "flask && rm"}}},

	{name: "lists deleted after the install", before: debTools, changes: apt,
		edits: [][2]string{{"curl\nRUN curl", "curl \\\n && rm -rf /var/lib/apt/lists/*\nRUN curl"}}},
	{name: "lists deleted by sudo", changes: apt,
		before: "FROM cimg/base:2024.01\nUSER circleci\nRUN sudo apt-get update && sudo apt-get install -y jq\nCMD [\"jq\"]\n",
		edits:  [][2]string{{"-y jq", "-y jq && sudo rm -rf /var/lib/apt/lists/*"}}},
	{name: "lists deleted between two statements under errexit", changes: apt,
		before: "FROM debian:12\nRUN set -eux; apt-get update; apt-get install -y gcc; gcc --version\n",
		edits:  [][2]string{{"gcc; gcc", "gcc; rm -rf /var/lib/apt/lists/*; gcc"}}},
	{name: "lists deleted, a later RUN updates for itself", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nRUN apt-get update && apt-get install -y git\n",
		edits:  [][2]string{{"-y curl", "-y curl && rm -rf /var/lib/apt/lists/*"}}},
	{name: "lists deleted, fetched anew by a RUN between", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nRUN add-apt-repository x && apt-get update\nCOPY --link a /a\nRUN apt-get install -y git\nRUN make\n",
		edits:  [][2]string{{"-y curl", "-y curl && rm -rf /var/lib/apt/lists/*"}}},
	{name: "lists deleted, fetched anew by a list under errexit", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nRUN set -eux; apt-get update; apt-get install -y git; ls /x && ls /y\nRUN make\n",
		edits:  [][2]string{{"-y curl", "-y curl && rm -rf /var/lib/apt/lists/*"}}},
	{name: "pip's flag before an install of the home's own project", changes: pip,
		before: "FROM python:3.12\nUSER root\nWORKDIR /root\nRUN pip install flask\nCOPY . .\nRUN pip install --no-cache-dir .\n",
		edits:  [][2]string{{"install flask", "install --no-cache-dir flask"}}},
	{name: "lists deleted behind xargs", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && grep -v '#' /list | xargs -r apt-get install -y\n",
		edits:  [][2]string{{"install -y", "install -y && rm -rf /var/lib/apt/lists/*"}}},
	{name: "lists deleted by sudo behind xargs", changes: dnf,
		before: "FROM fedora:40\nUSER dev\nRUN xargs -a /list -n 1 sudo dnf install -y\n",
		edits:  [][2]string{{"install -y", "install -y && sudo rm -rf /var/cache/dnf/*"}}},
	{name: "lists deleted behind a script", changes: apt,
		before: "FROM debian:12\nRUN ls / && bash -euxc \"apt-get update && apt-get install -y curl\"\n",
		edits:  [][2]string{{"curl\"", "curl\" && rm -rf /var/lib/apt/lists/*"}}},
	{name: "lists deleted by sudo behind its script", changes: apt,
		before: "FROM cimg/base:2024.01\nUSER circleci\nRUN sudo sh -c 'apt-get update && apt-get install -y jq'\n",
		edits:  [][2]string{{"jq'", "jq' && sudo rm -rf /var/lib/apt/lists/*"}}},
	{name: "lists deleted, a later script updates for itself", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nRUN sh -c 'apt-get update && apt-get install -y git'\nRUN apt-get install -y jq\n",
		edits:  [][2]string{{"-y curl", "-y curl && rm -rf /var/lib/apt/lists/*"}}},
	{name: "apk's flag behind xargs", changes: apk,
		before: "FROM alpine:3.20\nRUN sort -u /list | xargs apk add --virtual tools\n",
		edits:  [][2]string{{"apk add", "apk add --no-cache"}}},
	{name: "pip's flag behind xargs", changes: pip,
		before: "FROM python:3.12\nRUN xargs -n1 pip install < /list\n",
		edits:  [][2]string{{"pip install", "pip install --no-cache-dir"}}},
	{name: "lists deleted before harmless commands", changes: apt,
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y python3-pip\nRUN python3 -m pip install flask && useradd app\nRUN a2enmod rewrite\nCMD [\"python3\"]\n",
		edits:  [][2]string{{"-y python3-pip", "-y python3-pip && rm -rf /var/lib/apt/lists/*"}}},
	{name: "apk's index", changes: []change.Change{change.Cleaned{Cleanup: change.ApkIndex}},
		before: "FROM alpine:3.19\nRUN apk update && apk add curl\nRUN make\n",
		edits:  [][2]string{{"add curl", "add curl && rm -rf /var/cache/apk/*"}}},
	{name: "dnf's metadata", changes: cleaned(change.Dnf4Cache),
		before: "FROM rockylinux:9\nRUN dnf -y --setopt=install_weak_deps=False install git\nCMD [\"git\"]\n",
		edits:  [][2]string{{"install git", "install git && rm -rf /var/cache/dnf/*"}}},
	{name: "dnf 5's metadata", changes: cleaned(change.Dnf5Cache),
		before: "FROM fedora:41\nRUN dnf5 -y install git\n",
		edits:  [][2]string{{"install git", "install git && rm -rf /var/cache/libdnf5/*"}}},
	{name: "yum's metadata, whichever yum it is", changes: cleaned(change.YumCaches),
		before: "FROM x\nRUN sudo yum -y update && sudo yum -y install httpd\n",
		edits:  [][2]string{{"install httpd", "install httpd && sudo rm -rf /var/cache/yum/* /var/cache/dnf/* /var/cache/libdnf5/*"}}},
	{name: "yum behind a pipe", changes: cleaned(change.YumCache),
		before: "FROM centos:7\nRUN yes | yum install httpd\n",
		edits:  [][2]string{{"install httpd", "install httpd && rm -rf /var/cache/yum/*"}}},
	{name: "microdnf's metadata", changes: cleaned(change.MicrodnfCaches),
		before: "FROM ubi\nRUN microdnf install tar\nRUN tar --version\n",
		edits:  [][2]string{{"install tar", "install tar && rm -rf /var/cache/yum/* /var/cache/libdnf5/*"}}},
	{name: "zypper's metadata", changes: cleaned(change.ZypperCache),
		before: "FROM opensuse/leap\nRUN zypper --non-interactive in git\n",
		edits:  [][2]string{{"in git", "in git && rm -rf /var/cache/zypp/*"}}},
	{name: "pacman's archives and index", changes: cleaned(change.PacmanPackages, change.PacmanIndex),
		before: "FROM archlinux\nRUN pacman -Syu --noconfirm git\n",
		edits:  [][2]string{{"git\n", "git && rm -rf /var/cache/pacman/pkg/* && rm -rf /var/lib/pacman/sync/*\n"}}},
	{name: "a clean-up behind a list with a condition in its midst", changes: cleaned(change.AptLists),
		before: "FROM debian:12\nRUN set -x && case $(uname -m) in x*) true;; *) exit 1;; esac && apt-get update && apt-get install -y curl\n",
		edits:  [][2]string{{"-y curl\n", "-y curl && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "a clean-up before programs that say their versions", changes: cleaned(change.AptLists),
		before: "FROM debian:12\nRUN apt-get update && apt-get install -y npm\nRUN node -v;npm -v\n",
		edits:  [][2]string{{"-y npm\n", "-y npm && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "pacman's archives before another install", changes: cleaned(change.PacmanPackages),
		before: "FROM archlinux\nRUN pacman -Sy --noconfirm git\nRUN pacman -S --noconfirm make\n",
		edits:  [][2]string{{"git\n", "git && rm -rf /var/cache/pacman/pkg/*\n"}}},
	{name: "a read-only bind mount, which is the same in every RUN", changes: joined,
		before: "FROM debian:12\nRUN --mount=type=bind,target=/t ls /a\nRUN --mount=type=bind,target=/t ls /t\n",
		edits:  [][2]string{{"/a\nRUN --mount=type=bind,target=/t", "/a &&"}}},
	{name: "Yarn 1's cache", changes: cleaned(change.YarnCache),
		before: "FROM node:20\nCOPY package.json yarn.lock ./\nRUN yarn --frozen-lockfile\nRUN yarn build\n",
		edits:  [][2]string{{"--frozen-lockfile", "--frozen-lockfile && rm -rf /usr/local/share/.cache/yarn/*"}}},
	{name: "Yarn 1's cache on an image whose tag an argument gives", changes: cleaned(change.YarnCache),
		before: "ARG V=20-alpine\nFROM node:$V\nRUN yarn --frozen-lockfile\n",
		edits:  [][2]string{{"--frozen-lockfile", "--frozen-lockfile && rm -rf /usr/local/share/.cache/yarn/*"}}},
	{name: "gem archives", changes: cleaned(change.GemArchives),
		before: "FROM ruby:3.3\nUSER root\nRUN gem install bundler && bundle install\nRUN bundle exec rake\n",
		edits:  [][2]string{{"bundle install", "bundle install && rm -rf /usr/local/bundle/cache/*.gem"}}},
	{name: "pecl's files", changes: cleaned(change.PeclFiles),
		before: "FROM php:8.3\nRUN set -eux; yes | pecl install redis; docker-php-ext-enable redis\n",
		edits:  [][2]string{{"enable redis", "enable redis && rm -rf /tmp/pear/*"}}},
	{name: "uv sync --no-cache", changes: flagged(change.UvSync),
		before: "FROM python:3.12\nRUN uv sync --frozen -p 3.12\nRUN python -m compileall .\n",
		edits:  [][2]string{{"uv sync", "uv sync --no-cache"}}},
	{name: "uv pip install --no-cache", changes: flagged(change.UvPipInstall),
		before: "FROM python:3.12\nRUN uv pip install --system flask\n",
		edits:  [][2]string{{"pip install", "pip install --no-cache"}}},
	{name: "npm's cache of another user", changes: npm,
		before: "FROM node:20\nUSER node\nRUN npm ci\n",
		edits:  [][2]string{{"npm ci", "npm ci && npm cache clean --force"}}},
	{name: "npm's cache by sudo", changes: npm,
		before: "FROM cimg/node:20.0\nRUN sudo npm install -g yarn\n",
		edits:  [][2]string{{"-g yarn", "-g yarn && sudo npm cache clean --force"}}},
	{name: "npm's cache", changes: npm,
		before: "FROM node:20\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\nCMD [\"node\", \"index.js\"]\n",
		edits:  [][2]string{{"npm ci", "npm ci && npm cache clean --force"}}},

	{name: "apk add --no-cache", changes: apk,
		before: "FROM alpine:3.19\nRUN apk add curl && apk add git\nRUN mkdir /x\n",
		edits:  [][2]string{{"add curl", "add --no-cache curl"}, {"add git", "add --no-cache git"}}},
	{name: "apk add behind options", changes: apk,
		before: "FROM alpine:3.19\nRUN apk -q --repository https://example.com/alpine add --virtual .build gcc\n",
		edits:  [][2]string{{" add --virtual", " add --no-cache --virtual"}}},
	{name: "a clean-up before an install behind its own update", before: from("debian:12", "RUN apt-get update && apt-get install -y curl", "RUN apt-get update && apt-get install -y git; mkdir /a"), changes: apt,
		edits: [][2]string{{"install -y curl\n", "install -y curl && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "a clean-up behind a semicolon on an image that root runs", before: from("debian:12", "RUN apt-get update && apt-get install -y curl && curl x; mkdir /a"), changes: apt,
		edits: [][2]string{{"mkdir /a", "mkdir /a && rm -rf /var/lib/apt/lists/*"}}},
	{name: "a clean-up where a substitution reads a file", before: from("debian:12", `RUN echo "$(. /etc/os-release; echo $ID)" > /id && apt-get update && apt-get install -y curl`), changes: apt,
		edits: [][2]string{{"curl\n", "curl && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "npm's clean-up behind a package of some version", before: from("node:20", "ARG V=10", "RUN npm install -g @scope/fauxton@$V"), changes: npm,
		edits: [][2]string{{"@$V", "@$V && npm cache clean --force"}}},
	{name: "pip's flag before a line that reads homes of others", before: from("python:3.12", "RUN pip install x", "USER root", "RUN cp -r /home /copy"), changes: pip,
		edits: [][2]string{{"pip install x", "pip install --no-cache-dir x"}}},
	{name: "pip's flag, of root's by name", before: from("python:3.12", "USER root", "RUN pip install x", "RUN cp -r /home /copy"), changes: pip,
		edits: [][2]string{{"pip install x", "pip install --no-cache-dir x"}}},
	{name: "pip install --no-cache-dir", before: pyApp, changes: pip,
		edits: [][2]string{{"pip install -r", "pip install --no-cache-dir -r"}}},
	{name: "python -m pip", changes: pip,
		before: "FROM python:3.12\nRUN python3 -m pip install flask\n",
		edits:  [][2]string{{"install flask", "install --no-cache-dir flask"}}},
	{name: "pip in a condition", changes: pip,
		before: "FROM python:3.12\nARG DEV\nRUN if [ -n \"$DEV\" ]; then pip install pytest; fi\n",
		edits:  [][2]string{{"install pytest", "install --no-cache-dir pytest"}}},

	{name: "npm's mount", before: from("node:20", "RUN npm ci --ignore-scripts"), changes: npmMount,
		edits: [][2]string{{"RUN npm", "RUN --mount=type=cache,target=/root/.npm npm"}}},
	{name: "go's mounts in all RUNs", before: from("golang:1.22", "ENV CGO_ENABLED=0", "RUN go mod download", "RUN go build -o /app ."), changes: goMounts,
		edits: [][2]string{{"RUN go mod", "RUN --mount=type=cache,target=/go/pkg/mod go mod"}, {"RUN go build", "RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build go build"}}},
	{name: "yarn's mount", before: from("node:20", "RUN yarn install --frozen-lockfile && yarn cache clean"), changes: dropped(yarnMount, "yarn cache clean"),
		edits: [][2]string{{"RUN yarn install", "RUN --mount=type=cache,target=/usr/local/share/.cache/yarn,sharing=locked yarn install"}, {" && yarn cache clean", ""}}},
	{name: "a mount instead of a clean-up that was most of a RUN", before: from("node:20", "RUN yarn \\\n    && rm -rf /usr/local/share/.cache/yarn"), changes: dropped(yarnMount, "rm -rf /usr/local/share/.cache/yarn"),
		edits: [][2]string{{"RUN yarn", "RUN --mount=type=cache,target=/usr/local/share/.cache/yarn,sharing=locked yarn"}, {" \\\n    && rm -rf /usr/local/share/.cache/yarn", ""}}},
	{name: "mounts instead of clean-ups", before: from("debian:12", "RUN apt-get update && apt-get install -y curl && apt-get clean && rm -rf /var/lib/apt/lists/*"),
		changes: dropped(append(flagged(change.AptInstallKeeps), aptPair...), "apt-get clean", "rm -rf /var/lib/apt/lists/*"),
		edits:   [][2]string{{"RUN apt", aptFlags + " apt"}, {"install -y", "install -o Dir::Cache::Archives=keep -y"}, {" && apt-get clean && rm -rf /var/lib/apt/lists/*", ""}}},
	{name: "a mount instead of a word of a clean-up", before: from("debian:12", "RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/* /tmp/x"),
		changes: dropped(aptPair, "/var/lib/apt/lists/*"),
		edits:   [][2]string{{"RUN apt", aptFlags + " apt"}, {"-rf /var/lib/apt/lists/* /tmp/x", "-rf /tmp/x"}}},
	{name: "a mount instead of a clean-up before", before: from("debian:12", "RUN rm -rf /var/lib/apt/lists/* && apt-get update && apt-get install -y curl"),
		changes: dropped(aptPair, "rm -rf /var/lib/apt/lists/*"),
		edits:   [][2]string{{"RUN rm -rf /var/lib/apt/lists/* && apt", aptFlags + " apt"}}},
	{name: "a mount instead of a clean-up between statements", before: from("debian:12", "RUN set -eux; apt-get update; apt-get install -y curl; rm -rf /var/lib/apt/lists/*; curl --version"),
		changes: dropped(aptPair, "rm -rf /var/lib/apt/lists/*"),
		edits:   [][2]string{{"RUN set", aptFlags + " set"}, {"; rm -rf /var/lib/apt/lists/*", ""}}},
	{name: "apt's two mounts", before: "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n", changes: aptPair,
		edits: [][2]string{{"RUN apt", "RUN --mount=type=cache,target=/var/lib/apt/lists,sharing=locked --mount=type=cache,target=/var/cache/apt,sharing=locked apt"}}},

	{name: "npm ci before the sources", before: nodeApp, changes: split("package.json", "package-lock.json"),
		edits: [][2]string{{"COPY --chown=node:node . .\nRUN npm ci", "COPY --chown=node:node package.json package-lock.json ./\nRUN npm ci\nCOPY --chown=node:node . ."}}},
	{name: "an ADD of the context", before: from("node:20", "WORKDIR /app", "ADD . .", "RUN npm ci"), changes: split("package.json", "package-lock.json"),
		edits: [][2]string{{"ADD . .\nRUN npm ci", "COPY package.json package-lock.json ./\nRUN npm ci\nADD . ."}}},
	{name: "npm ci in a folder below, made in between", before: from("node:20", "COPY . /app", "WORKDIR /app/web", "RUN npm ci"), changes: split("web/package.json", "web/package-lock.json"),
		edits: [][2]string{{"COPY . /app", "COPY web/package.json web/package-lock.json /app/web/"}, {"RUN npm ci", "RUN npm ci\nCOPY . /app"}}},
	{name: "workspaces, a copy each", before: from("node:20", "WORKDIR /app", "COPY . .", "RUN npm ci"), changes: split("package.json", "package-lock.json", "packages/a/package.json", "packages/b/package.json"),
		edits: [][2]string{{"COPY . .\nRUN npm ci", "COPY package.json package-lock.json ./\nCOPY packages/a/package.json packages/a/\nCOPY packages/b/package.json packages/b/\nRUN npm ci\nCOPY . ."}}},
	{name: "yarn without scripts", before: from("node:20", "WORKDIR /app", "COPY . .", "RUN yarn --frozen-lockfile --ignore-scripts"), changes: split("package.json", "yarn.lock"),
		edits: [][2]string{{"COPY . .", "COPY package.json yarn.lock ./"}, {"--ignore-scripts\n", "--ignore-scripts\nCOPY . .\n"}}},
	{name: "pnpm behind what installs it", before: from("node:20", "WORKDIR /app", "COPY . .", "RUN npm install -g pnpm@9 && corepack enable", "RUN pnpm install --frozen-lockfile --reporter append-only"), changes: split("package.json", "pnpm-lock.yaml"),
		edits: [][2]string{{"COPY . .", "COPY package.json pnpm-lock.yaml ./"}, {"append-only\n", "append-only\nCOPY . .\n"}}},
	{name: "bun ci", before: from("oven/bun:1", "WORKDIR /app", "COPY . .", "RUN bun ci"), changes: split("package.json", "bun.lock"),
		edits: [][2]string{{"COPY . .", "COPY package.json bun.lock ./"}, {"bun ci\n", "bun ci\nCOPY . .\n"}}},
	{name: "uv sync", before: from("python:3.12", "WORKDIR /app", "COPY . .", "RUN uv sync --locked --no-install-project --extra web"), changes: split("pyproject.toml", "uv.lock"),
		edits: [][2]string{{"COPY . .", "COPY pyproject.toml uv.lock ./"}, {"--extra web\n", "--extra web\nCOPY . .\n"}}},
	{name: "uv pip install", before: from("python:3.12", "WORKDIR /app", "COPY . .", "RUN uv pip install --system -r requirements.txt --constraint=base.txt"), changes: split("requirements.txt", "base.txt"),
		edits: [][2]string{{"COPY . .", "COPY requirements.txt base.txt ./"}, {"=base.txt\n", "=base.txt\nCOPY . .\n"}}},
	{name: "poetry", before: from("python:3.12", "WORKDIR /app", "COPY . .", "RUN poetry config virtualenvs.create false && poetry install --no-root --only main"), changes: split("pyproject.toml", "poetry.lock"),
		edits: [][2]string{{"COPY . .", "COPY pyproject.toml poetry.lock ./"}, {"--only main\n", "--only main\nCOPY . .\n"}}},
	{name: "bundler, frozen by its environment", before: from("ruby:3.3", "WORKDIR /app", "ENV BUNDLE_FROZEN=true", "COPY . .", "RUN bundle install -j4 --retry 3"), changes: split("Gemfile", "Gemfile.lock"),
		edits: [][2]string{{"COPY . .", "COPY Gemfile Gemfile.lock ./"}, {"--retry 3\n", "--retry 3\nCOPY . .\n"}}},
	{name: "cargo fetch", before: from("rust:1", "WORKDIR /app", "COPY . .", "RUN cargo fetch --locked"), changes: split("Cargo.toml", "Cargo.lock"),
		edits: [][2]string{{"COPY . .", "COPY Cargo.toml Cargo.lock ./"}, {"--locked\n", "--locked\nCOPY . .\n"}}},
	{name: "requirements and constraints, each to its place", before: pyApp, changes: split("requirements.txt", "constraints/base.txt"),
		edits: [][2]string{{"COPY . .\nRUN pip install -r requirements.txt -c constraints/base.txt",
			"COPY requirements.txt ./\nCOPY constraints/base.txt constraints/\nRUN pip install -r requirements.txt -c constraints/base.txt\nCOPY . ."}}},
	{name: "go mod download", before: goApp, changes: split("go.mod", "go.sum"),
		edits: [][2]string{{"COPY . ./\nRUN go mod download", "COPY go.mod go.sum ./\nRUN go mod download\nCOPY . ./"}}},
	{name: "a copied sub-folder", changes: split("web/package.json", "web/package-lock.json"),
		before: "FROM node:20\nWORKDIR /app\nCOPY web .\nRUN npm ci\n",
		edits:  [][2]string{{"COPY web .\nRUN npm ci", "COPY web/package.json web/package-lock.json ./\nRUN npm ci\nCOPY web ."}}},
	{name: "a RUN that needs nothing moves too", changes: split("package.json", "package-lock.json"),
		before: "FROM node:20\nWORKDIR /app\nCOPY . .\nRUN apt-get update && apt-get install -y python3\nRUN npm ci\n",
		edits: [][2]string{{"COPY . .\nRUN apt-get", "COPY package.json package-lock.json ./\nRUN apt-get"},
			{"RUN npm ci\n", "RUN npm ci\nCOPY . .\n"}}},

	{name: "a copy behind the system's packages", before: from("debian:12", "COPY . /app", "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y curl 2>/dev/null"), changes: copyMoved,
		edits: [][2]string{{"COPY . /app\n", ""}, {"2>/dev/null\n", "2>/dev/null\nCOPY . /app\n"}}},
	{name: "a copy behind RUNs, settings and working folders", before: from("alpine:3", "RUN echo a", "WORKDIR /app/src", "COPY --chmod=755 src /app", "WORKDIR /app", "RUN apk add curl", "ENV A=1", "USER 1", "RUN mkdir -p /data", "RUN ./x"), changes: copyMoved,
		edits: [][2]string{{"COPY --chmod=755 src /app\n", ""}, {"/data\n", "/data\nCOPY --chmod=755 src /app\n"}}},
	{name: "a copy behind RUNs that were joined", before: from("alpine:3", "RUN mkdir /x", "RUN mkdir /y", "COPY . /app", "RUN apk add curl", "RUN mkdir -p /data", "RUN /app/x"), changes: all(copyMoved, joined),
		edits: [][2]string{{"COPY . /app\n", ""}, {"RUN apk add curl\nRUN mkdir -p /data\n", "RUN apk add curl && mkdir -p /data\nCOPY . /app\n"}}},
	{name: "a copy in a folder of sources, an account between", before: from("node:20", "COPY . /usr/src/app", "RUN groupadd -r app && useradd -r -g app app", "USER app"), changes: copyMoved,
		edits: [][2]string{{"COPY . /usr/src/app\n", ""}, {"app app\n", "app app\nCOPY . /usr/src/app\n"}}},
	{name: "a copy into a folder that a WORKDIR made", before: from("debian:12", "WORKDIR /data", "COPY . app", "RUN mkdir /data/cache && apt-get update"), changes: copyMoved,
		edits: [][2]string{{"COPY . app\n", ""}, {"get update\n", "get update\nCOPY . app\n"}}},
	{name: "a copy into a folder that another made", before: from("debian:12", "COPY x /data/", "COPY --chown=1 . /data/app", "RUN mkdir -p /data/cache"), changes: copyMoved,
		edits: [][2]string{{"COPY --chown=1 . /data/app\n", ""}, {"/cache\n", "/cache\nCOPY --chown=1 . /data/app\n"}}},
	{name: "a copy into a home that the image brings", before: from("node:20-alpine", "COPY --chown=1 . /home/node/app", "RUN mkdir /home/node/data && apk add make"), changes: copyMoved,
		edits: [][2]string{{"COPY --chown=1 . /home/node/app\n", ""}, {"add make\n", "add make\nCOPY --chown=1 . /home/node/app\n"}}},
	{name: "a copy into the home of an account that stands already", before: from("debian:12", "WORKDIR /app/src", "COPY . .", "RUN useradd -m -d /app app"), changes: copyMoved,
		edits: [][2]string{{"COPY . .\n", ""}, {"/app app\n", "/app app\nCOPY . .\n"}}},

	{name: "cleaned, then joined", before: phpApp, changes: all(joined, apt),
		edits: [][2]string{{"RUN apt-get update\nRUN apt-get install", "RUN apt-get update \\\n && apt-get install"},
			{"libpng-dev\nRUN rm -rf /var/lib/apt/lists/*\n", "libpng-dev \\\n && rm -rf /var/lib/apt/lists/* \\\n && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "joined, then cleaned at the end", changes: all(joined, apt),
		before: "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\nRUN mkdir /x\n",
		edits:  [][2]string{{"update\nRUN apt-get", "update && apt-get"}, {"-y curl\n", "-y curl && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "subshells joined, then cleaned at the end", changes: all(joined, apt),
		before: "FROM debian:12\nRUN export DEBIAN_FRONTEND=noninteractive && apt-get update\nRUN export A=1 && apt-get install -y curl\n",
		edits:  [][2]string{{"RUN export DEB", "RUN ( export DEB"}, {"update\nRUN export A=1", "update ) && ( export A=1"}, {"-y curl\n", "-y curl ) && rm -rf /var/lib/apt/lists/*\n"}}},
	{name: "a flag and a join", changes: all(joined, apk),
		before: "FROM alpine:3.19\nRUN apk add curl\nRUN mkdir -p /data\n",
		edits:  [][2]string{{"add curl\nRUN mkdir", "add --no-cache curl && mkdir"}}},
	{name: "a split and a flag", before: pyApp, changes: all(pip, split("requirements.txt", "constraints/base.txt")),
		edits: [][2]string{{"COPY . .\nRUN pip install -r requirements.txt -c constraints/base.txt",
			"COPY requirements.txt ./\nCOPY constraints/base.txt constraints/\nRUN pip install --no-cache-dir -r requirements.txt -c constraints/base.txt\nCOPY . ."}}},
	{name: "two joins with what must stay between", changes: joined,
		before: "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\nENV A=1\nRUN mkdir /a\nRUN ln -s /a /b\n",
		edits:  [][2]string{{"update\nRUN apt", "update && apt"}, {"/a\nRUN ln", "/a && ln"}}},
	{name: "nothing changed", before: nodeApp},
	{name: "an ARG without a value in FROM", changes: joined,
		before: "ARG BASE\nFROM ${BASE}\nARG PORT\nEXPOSE $PORT\nRUN apt-get update\nRUN apt-get install -y curl\n",
		edits:  [][2]string{{"update\nRUN apt", "update && apt"}}},
	{name: "a FROM by platform", changes: joined,
		before: "FROM alpine:3 AS base-amd64\nRUN apk update\nRUN apk add curl\nFROM alpine:3 AS base-arm64\nRUN mkdir /a\nFROM base-${TARGETARCH}\nRUN mkdir /b\n",
		edits:  [][2]string{{"update\nRUN apk", "update && apk"}}},
}

func TestRight(t *testing.T) {
	for _, rw := range rights {
		t.Run(rw.name, func(t *testing.T) {
			after := rw.after(t)
			if err := Check(context.Background(), rw.before, after, rw.changes, Options{}); err != nil {
				t.Errorf("refused: %v\n%s", err, after)
			}
			if len(rw.edits) == 0 {
				return
			}
			// Declared by nobody, the same rewrite is refused.
			r := (*Rejection)(nil)
			if err := Check(context.Background(), rw.before, after, nil, Options{}); !errors.As(err, &r) {
				t.Errorf("accepted without a declaration: %v", err)
			}
		})
	}
}
