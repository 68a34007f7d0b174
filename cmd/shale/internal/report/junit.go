package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// JUnit's report: a file is a suite, a finding a test that failed. A file without
// findings is a test that passed. Jenkins' schema takes no other attributes.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string      `xml:"name,attr"`
		Class   string      `xml:"classname,attr"`
		Failure *junitFault `xml:"failure"`
		Error   *junitFault `xml:"error"`
	}
	junitFault struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// junitWriter keeps the suites: their totals stand first.
type junitWriter struct {
	w   io.Writer
	o   Options
	all junitSuites
}

func (j *junitWriter) File(f File) error {
	j.o.Tally.Add(f)
	path := Visible(j.o.path(f.Path))
	s := junitSuite{Name: path}
	if f.Err != nil {
		s.Errors++
		s.Cases = append(s.Cases, junitCase{Name: "read", Class: path, Error: &junitFault{Visible(problem(f)), "error", ""}})
	}
	for _, d := range f.Diagnostics {
		line := f.Lines.Line(d.Span.Start) + 1
		s.Failures++
		s.Cases = append(s.Cases, junitCase{
			Name: fmt.Sprintf("%s, line %d", d.Rule, line), Class: path,
			Failure: &junitFault{Visible(d.Message), d.Severity.String(), junitText(place(f, d.Span), advice(d), j.o.URL(d.Rule))},
		})
	}
	if len(s.Cases) == 0 {
		s.Cases = []junitCase{{Name: "nothing found", Class: path}}
	}
	s.Tests = len(s.Cases)
	j.all.Tests += s.Tests
	j.all.Failures += s.Failures
	j.all.Errors += s.Errors
	j.all.Suites = append(j.all.Suites, s)
	return nil
}

// junitText is what a person reads of a failure.
func junitText(place, what, url string) string {
	out := "\n" + place + ": " + Visible(what) + "\n"
	if url != "" {
		out += url + "\n"
	}
	return out
}

func (j *junitWriter) Close() error {
	j.all.Name = "shale"
	b, err := xml.MarshalIndent(j.all, "", "  ")
	if err != nil {
		return err
	}
	// The encoder writes line ends as references, which people do not read.
	text := strings.ReplaceAll(string(b), "&#xA;", "\n")
	_, err = fmt.Fprintf(j.w, "%s%s\n", xml.Header, text)
	return err
}
