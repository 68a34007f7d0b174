package report

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/shale-build/shale/analysis/source"
)

// Checkstyle's report. Columns count code points.
type (
	checkstyleFile struct {
		XMLName xml.Name          `xml:"file"`
		Name    string            `xml:"name,attr"`
		Errors  []checkstyleError `xml:"error"`
	}
	checkstyleError struct {
		Line     int    `xml:"line,attr"`
		Column   int    `xml:"column,attr,omitempty"`
		Severity string `xml:"severity,attr"`
		Message  string `xml:"message,attr"`
		Source   string `xml:"source,attr"`
	}
)

type checkstyleWriter struct {
	w     io.Writer
	o     Options
	begun bool
}

func (c *checkstyleWriter) File(f File) error {
	c.o.Tally.Add(f)
	out := checkstyleFile{Name: Visible(c.o.path(f.Path))}
	if f.Err != nil {
		out.Errors = append(out.Errors, checkstyleError{1, 0, "error", Visible(problem(f)), "shale"})
	}
	for _, d := range f.Diagnostics {
		p := f.Lines.Position(d.Span.Start, source.UTF32)
		out.Errors = append(out.Errors, checkstyleError{p.Line + 1, p.Column + 1, d.Severity.String(), Visible(advice(d)), "shale." + d.Rule})
	}
	if len(out.Errors) == 0 {
		return nil
	}
	b, err := xml.MarshalIndent(out, "  ", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.w, "%s%s\n", c.head(), b)
	return err
}

func (c *checkstyleWriter) head() string {
	if c.begun {
		return ""
	}
	c.begun = true
	return xml.Header + "<checkstyle version=\"4.3\">\n"
}

func (c *checkstyleWriter) Close() error {
	_, err := io.WriteString(c.w, c.head()+"</checkstyle>\n")
	return err
}
