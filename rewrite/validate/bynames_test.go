package validate

import (
	"strings"
	"testing"
)

// laterThan is a broad copy that moves behind a RUN.
func laterThan(name, run string) rewriting {
	return rewriting{name: name, before: from("debian:12", "WORKDIR /app", "COPY . .", "RUN "+run), changes: copyMoved,
		edits: [][2]string{{"COPY . .\nRUN " + run, "RUN " + run + "\nCOPY . ."}}}
}

func init() {
	for _, run := range []string{
		"apt-get update -qq && apt-get install -qqy --no-install-recommends -t bookworm-backports python3.11 g++ 'libssl3=3.0.*' curl:amd64",
		"apk add --no-cache -t .build-deps gcc -X https://dl-cdn.alpinelinux.org/alpine/edge/community && apk del .build-deps",
		"dnf -y install --setopt=tsflags=nodocs --setopt install_weak_deps=False glibc.i686 zlib.x86_64 @development-tools && dnf clean all",
		"yum -y groupinstall 'Development Tools' && yum install -y --enablerepo=epel,powertools httpd",
		"groupadd -g 1000 app && useradd -rms /bin/bash -u 1000 -g app -c 'The app' app",
		"addgroup -S app && adduser -S -D -H -h /home/x -s /sbin/nologin -G app app",
	} {
		rights = append(rights, laterThan("a copy behind "+run, run))
	}
	for _, run := range []string{
		"dnf builddep -y app.spec", "yum builddep x.spec", "dnf config-manager addrepo --from-repofile=x.repo", "dnf shell x.txt", "yum load-transaction x",
		"dnf install -y --setopt=reposdir=repos gcc", "microdnf install -y --setopt reposdir=repos gcc", "dnf install -y pkg.rpm",
		"apk add --repositories-file repos gcc", "apk add -p root gcc", "apk add -X repo gcc", "apk add --keys-dir=keys gcc",
		"useradd -m -k ./skel app", "useradd -mk skel app", "adduser --conf ./x.conf y", "useradd -R root app", "adduser -Dk skel app",
		"apt-get install -y -c app.conf make", "apt-get install -y -capp.conf make", "apt-get install -yc app.conf make", "apt-get update -o Dir::Etc::SourceList=sources",
		"apt-get build-dep .", "apt-get install -y app.deb", "apt-get source make", "apk fetch gcc",
	} {
		name := strings.Fields(run)[0]
		wrongs = append(wrongs, refused(laterThan("a copy behind "+run, run), name+" "))
	}
	wrongs = append(wrongs,
		refused(laterThan("a copy behind a group whose words go into it", "( apt-get update ) > log"), "a redirection may touch"),
		refused(laterThan("a copy behind a group that reads it", "{ apt-get update; } < in"), "a redirection may touch"),
		refused(laterThan("a copy behind an empty file in it", "> log; apt-get update"), "a redirection may touch"),
		refused(splitRun("a split of a group whose words go into the project", "( npm ci ) > log", copyRoot, rootFiles...), "a redirection may touch"),
		refused(splitRun("a split with an install by a list of the project's", "apk add --repositories-file repos gcc && npm ci", copyRoot, rootFiles...), "may read a file of the project"),
		refused(splitRun("a split with an install by settings of the project's", "apt-get install -yc app.conf gcc && npm ci", copyRoot, rootFiles...), "may read a file of the project"),
	)
}

func TestReadByName(t *testing.T) {
	for call, want := range map[string]string{
		"apt-get -y install make":    "",
		"apt-get -q=2 install make":  "",
		"apt-get -y":                 "without a verb",
		"apt-get install -tstable x": "",
		"apt-get install -t ./x x":   "-t ./x",
		"apt-get install ./x":        "./x",
		"apt-get install x.deb":      "x.deb",
		"apt-get --yes=./x install":  "--yes=./x",
		"apk add .deps":              "",
		"apk add .apk":               ".apk",
		"apk add -X":                 "-X",
		"dnf install a.noarch b.src": "b.src",
		"dnf builddep x":             "builddep",
		"useradd -ms /bin/sh app":    "",
		"useradd -md app app":        "-md app",
		"useradd -d /a/../app app":   "-d /a/../app",
	} {
		words := strings.Fields(call)
		if got := readByName(words[0], words[1:]); got != want {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
}
