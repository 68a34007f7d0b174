package facts

import (
	"strings"
	"time"

	"github.com/shale-build/shale/analysis/stage"
)

// An Ended is a release of an image that gets no updates any more.
type Ended struct {
	Release string // "Debian 10 (buster)"
	Since   string // the day or month: "2024-06-30"
	Next    string // the tag's version to go to: "13"
}

// ended lists releases that ended before this version of Shale, by image and the
// version that tags start with. No clock is asked: the same Shale says the same each
// day. Sources: endoflife.date, and the makers' own pages for Debian and Ubuntu (LTS and
// standard support), Alpine, Node.js, Python, Go, PHP, Ruby, PostgreSQL, MySQL, MongoDB.
var ended = map[string]*line{
	"debian": {"Debian", "13", since("7 2018-05-31 8 2020-06-30 9 2022-06-30 10 2024-06-30 11 2026-08-31")},
	"ubuntu": {"Ubuntu", "24.04", since("12.04 2017-04-28 14.04 2019-04-25 16.04 2021-04-30 16.10 2017-07-20 17.04 2018-01-13 17.10 2018-07-19 18.04 2023-05-31 18.10 2019-07-18 19.04 2020-01-23 19.10 2020-07-17 " +
		"20.04 2025-05-31 20.10 2021-07-22 21.04 2022-01-20 21.10 2022-07-14 22.10 2023-07-20 23.04 2024-01-25 23.10 2024-07-11 24.10 2025-07-10")},
	"alpine": {"Alpine", "3.22", since("3.1 2016-11-01 3.2 2017-05-01 3.3 2017-11-01 3.4 2018-05-01 3.5 2018-11-01 3.6 2019-05-01 3.7 2019-11-01 3.8 2020-05-01 3.9 2020-11-01 3.10 2021-05-01 3.11 2021-11-01 3.12 2022-05-01 " +
		"3.13 2022-11-01 3.14 2023-05-01 3.15 2023-11-01 3.16 2024-05-23 3.17 2024-11-22 3.18 2025-05-09 3.19 2025-11-01 3.20 2026-04-01")},
	"centos": {"CentOS", "", since("5 2017-03-31 6 2020-11-30 7 2024-06-30 8 2021-12-31")},
	"fedora": {"Fedora", "", since("30 2020-05-26 31 2020-11-24 32 2021-05-25 33 2021-11-30 34 2022-06-07 35 2022-12-13 36 2023-05-16 37 2023-12-05 38 2024-05-21 39 2024-11-26 40 2025-05-13")},
	"node": {"Node.js", "24", since("4 2018-04-30 5 2016-06-30 6 2019-04-30 7 2017-06-30 8 2019-12-31 9 2018-06-30 10 2021-04-30 11 2019-06-30 12 2022-04-30 13 2020-06-01 14 2023-04-30 15 2021-06-01 16 2023-09-11 " +
		"17 2022-06-01 18 2025-04-30 19 2023-06-01 20 2026-04-30 21 2024-06-01 23 2025-06-01")},
	"python": {"Python", "3.13", since("2 2020-01-01 2.7 2020-01-01 3.3 2017-09-29 3.4 2019-03-18 3.5 2020-09-30 3.6 2021-12-23 3.7 2023-06-27 3.8 2024-10-07 3.9 2025-10-31")},
	"golang": {"Go", "1.26", since("1.9 2018-08-24 1.10 2019-02-25 1.11 2019-09-03 1.12 2020-02-25 1.13 2020-08-11 1.14 2021-02-16 1.15 2021-08-16 1.16 2022-03-15 1.17 2022-08-02 1.18 2023-02-01 1.19 2023-08-08 " +
		"1.20 2024-02-06 1.21 2024-08-13 1.22 2025-02-11 1.23 2025-08-12")},
	"php":      {"PHP", "8.4", since("5.4 2015-09-03 5.5 2016-07-21 5.6 2018-12-31 7.0 2019-01-10 7.1 2019-12-01 7.2 2020-11-30 7.3 2021-12-06 7.4 2022-11-28 8.0 2023-11-26 8.1 2025-12-31")},
	"ruby":     {"Ruby", "3.4", since("2.1 2017-03-31 2.2 2018-03-31 2.3 2019-03-31 2.4 2020-03-31 2.5 2021-03-31 2.6 2022-04-12 2.7 2023-03-31 3.0 2024-04-23 3.1 2025-03-26")},
	"postgres": {"PostgreSQL", "17", since("9 2021-11-11 9.4 2020-02-13 9.5 2021-02-11 9.6 2021-11-11 10 2022-11-10 11 2023-11-09 12 2024-11-21 13 2025-11-13")},
	"mysql":    {"MySQL", "8.4", since("5.5 2018-12-03 5.6 2021-02-05 5.7 2023-10-31 8.0 2026-04-30")},
	"mongo":    {"MongoDB", "8.0", since("3.4 2020-01-31 3.6 2021-04-30 4.0 2022-04-30 4.2 2023-04-30 4.4 2024-02-29 5.0 2024-10-31 6.0 2025-07-31")},
}

// codenames are the releases of Debian and Ubuntu that tags name, of other images too.
var codenames = map[string][2]string{
	"wheezy": {"debian", "7"}, "jessie": {"debian", "8"}, "stretch": {"debian", "9"}, "buster": {"debian", "10"}, "bullseye": {"debian", "11"},
	"bookworm": {"debian", "12"}, "trixie": {"debian", "13"},
	"trusty": {"ubuntu", "14.04"}, "xenial": {"ubuntu", "16.04"}, "bionic": {"ubuntu", "18.04"}, "focal": {"ubuntu", "20.04"},
	"jammy": {"ubuntu", "22.04"}, "noble": {"ubuntu", "24.04"},
}

// A line is the releases of one image.
type line struct {
	name, next string
	since      map[string]string
}

func since(text string) map[string]string {
	out := map[string]string{}
	words := strings.Fields(text)
	for i := 0; i+1 < len(words); i += 2 {
		out[words[i]] = words[i+1]
	}
	return out
}

// Supported is what a table of releases says of one that still gets updates.
const Supported = "supported"

// Releases are what a user knows of releases: by "IMAGE:VERSION" the day on which
// the updates end, or Supported. They go over the table.
type Releases map[string]string

// CheckRelease says what is wrong with an entry of Releases.
func CheckRelease(key, value string) (badKey, badValue string) {
	image, version, ok := strings.Cut(key, ":")
	if at := strings.LastIndexByte(key, ':'); ok {
		image, version = key[:at], key[at+1:]
	}
	if _, named := codenames[version]; image == "" || !named && strings.Trim(version, "0123456789.") != "" || version == "" || strings.ContainsAny(key, " @$") {
		return "write an image and the version that its tags start with, such as \"debian:11\" or \"node:18\"", ""
	}
	if _, err := time.Parse(time.DateOnly, value); err != nil && value != Supported {
		return "", "write the day on which its updates end, such as \"2026-08-31\", or \"" + Supported + "\""
	}
	return "", ""
}

// Ended returns the releases, of the image that a stage stands on and of the system
// below it, that its tag names and that have ended: by the table, which holds what ended
// before this version of Shale, or by the user's own, as of a day ("2026-11-27").
func (f *File) Ended(s *stage.Stage, own Releases, today string) []Ended {
	base := s.Root().Base
	if !base.Known() && base.Is != stage.Overridable {
		return nil
	}
	name, tag, _ := Image(base.Text)
	e := endings{own, today, nil}
	for v := versionOf(name, tag); v != ""; v = v[:max(strings.LastIndexByte(v, '.'), 0)] {
		if e.add(name, v, "") {
			break
		}
	}
	if strings.Contains(name, "/") && len(own) == 0 {
		return nil
	}
	official := !strings.Contains(name, "/")
	for part := range strings.SplitSeq(tag, "-") {
		if k, ok := codenames[part]; ok && (official || name == k[0]) {
			e.add(k[0], k[1], part)
		} else if release, ok := strings.CutPrefix(part, "alpine"); ok && official && name != "alpine" {
			e.add("alpine", release, "")
		}
	}
	return e.found
}

type endings struct {
	own   Releases
	today string
	found []Ended
}

// add looks a release up, and reports whether a table has it.
func (e *endings) add(image, version, codename string) bool {
	l := ended[image]
	if l == nil {
		l = &line{name: image}
	}
	since, known := l.since[version]
	for _, key := range []string{image + ":" + version, image + ":" + codename} {
		if day, ok := e.own[key]; ok {
			if known = true; day == Supported || day > e.today {
				return true
			}
			since = day
		}
	}
	if !known {
		return false
	}
	out := Ended{Release: l.name + " " + version, Since: since}
	if l.next != version {
		out.Next = l.next
	}
	if codename != "" {
		out.Release += " (" + codename + ")"
	}
	e.found = append(e.found, out)
	return true
}
