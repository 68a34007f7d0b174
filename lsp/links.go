package lsp

import (
	"context"
	"path"
	"path/filepath"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// links leads to the pages of images and rules, and to the files that COPY and ADD
// name. Nothing is asked of the network.
func (v *view) links(ctx context.Context, _ *placed) (any, error) {
	out := []protocol.DocumentLink{}
	add := func(s source.Span, target, tip string) {
		if target != "" && !s.Empty() {
			out = append(out, protocol.DocumentLink{Range: v.rangeOf(s), Target: protocol.DocumentURI(target), Tooltip: tip})
		}
	}
	for _, d := range v.doc.Directives {
		if d.Name == "syntax" {
			add(d.ValueSpan, imagePage(d.Value), "Page of the image")
		}
	}
	for _, s := range v.graph.Stages {
		if s.Parent == nil && len(s.From.Args) > 0 && s.Base.Is != stage.Unknown && !s.Scratch() {
			add(s.From.Args[0].Span(), imagePage(s.Base.Text), "Page of the image")
		}
	}
	for _, u := range v.symbols().Uses {
		if u.Stage && u.Symbol == nil {
			add(u.Span, imagePage(u.Name), "Page of the image")
		}
	}
	for _, in := range v.doc.Instructions {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v.commentLinks(in, add)
		if in.Name == "copy" || in.Name == "add" {
			v.fileLinks(in, add)
		}
	}
	return out, nil
}

// commentLinks leads from the rules that a comment silences to their pages.
func (v *view) commentLinks(in *syntax.Instruction, add func(source.Span, string, string)) {
	if v.s.opts.DocURL == nil {
		return
	}
	for _, c := range in.Lead {
		names, _ := analysis.IgnoreComment(c.Text)
		at := strings.IndexByte(c.Span.In(v.text), '=') + 1
		for _, name := range names {
			i := strings.Index(c.Span.In(v.text)[at:], name)
			if i < 0 {
				break
			}
			from := c.Span.Start + at + i
			at += i + len(name)
			if rule := v.s.rule(name); rule != nil {
				add(source.Span{Start: from, End: from + len(name)}, v.s.opts.DocURL(rule.Name), "Page of the rule")
			}
		}
	}
}

func (v *view) fileLinks(in *syntax.Instruction, add func(source.Span, string, string)) {
	if in.Flag("from") != nil || len(in.Args) < 2 {
		return
	}
	for _, a := range in.Args[:len(in.Args)-1] {
		value := v.graph.Expand(in, a.Value)
		span := a.Span()
		if in.JSON {
			inner, ok := a.Inside()
			if !ok {
				continue
			}
			span = inner.Span(0, inner.Len())
		}
		switch {
		case !value.Known() || strings.HasPrefix(a.Value, "<<"):
		case strings.HasPrefix(value.Text, "https://") || strings.HasPrefix(value.Text, "http://"):
			add(span, value.Text, "")
		case v.path != "":
			if c, _ := v.file.Context(); c != nil && c.Exists(value.Text) && !c.IsDir(value.Text) {
				add(span, string(uri.File(filepath.Join(c.Root(), filepath.FromSlash(path.Clean("/"+value.Text))))), "")
			}
		}
	}
}

// imagePage is the page where people read about an image; "" if none is known.
func imagePage(name string) string {
	if strings.ContainsAny(name, "$ \"'") {
		return ""
	}
	name, _, _ = facts.Image(name)
	host, rest, ok := strings.Cut(name, "/")
	switch {
	case name == "" || name == "scratch":
		return ""
	case ok && host == "quay.io":
		return "https://quay.io/repository/" + rest
	case ok && host == "ghcr.io" && strings.Contains(rest, "/"):
		return "https://" + name
	case ok && host == "mcr.microsoft.com":
		return "https://mcr.microsoft.com/artifact/mar/" + rest
	case ok && (strings.ContainsAny(host, ".:") || host == "localhost"):
		return ""
	}
	name = strings.TrimPrefix(name, "library/")
	if !strings.Contains(name, "/") {
		return "https://hub.docker.com/_/" + name
	}
	return "https://hub.docker.com/r/" + name
}
