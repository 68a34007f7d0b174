// Package shell reads RUN bodies as programs, in the dialect of the SHELL in force,
// with every byte of a program mapped to its place in the Dockerfile.
package shell

import (
	"github.com/shale-build/shale/analysis/source"
)

// A Dialect is a family of shell languages.
type Dialect uint8

const (
	Unknown Dialect = iota // some /bin/sh or bash: it is not known which
	POSIX                  // dash, busybox ash, or another plain sh
	Bash
	Opaque // PowerShell, cmd, or a program that is no shell: never looked into
)

// Tri is a truth that may be unknown. The zero value is unknown.
type Tri uint8

const (
	Maybe Tri = iota
	No
	Yes
)

// An Interpreter is what the SHELL in force does to a RUN's string.
type Interpreter struct {
	Argv     []string // nil when unknown
	Dialect  Dialect
	Errexit  Tri // -e
	Pipefail Tri // -o pipefail
	Startup  Tri // reads start-up files: -l, -i, or a wrapper around the shell
	Noglob   Tri // -f: patterns stay as they are written
}

// A Program is a RUN body as a shell reads it.
type Program struct {
	Text    source.Text
	Dialect Dialect
	Root    *Node // a List; nil when Err is set
	Err     error // the body does not parse, or the dialect is opaque

	// Ambiguous says that POSIX sh and bash read the text as different programs,
	// or that only one of the two can read it. It matters for dialect POSIX too:
	// /bin/sh is bash on some systems, and busybox sides with bash here and there.
	Ambiguous bool
	// Comments are the shell comments inside the joined text, which swallow all
	// that follows them on the joined line. Those in backquotes, which end with
	// them, are not counted.
	Comments []Range
}

// A Range is [From, To) in bytes of a Program's joined text.
type Range struct{ From, To int }

// A Kind says what a Node is.
type Kind uint8

const (
	List       Kind = iota // commands separated by ; & or line ends
	And                    // a && b && c, flattened: two children or more
	Or                     // a || b || c, flattened; mixed chains nest to the left, as the shell reads them
	Pipe                   // a | b | c, flattened
	Not                    // ! a
	Simple                 // assignments, words, redirections
	Subshell               // ( … ): one List
	Block                  // { … }: one List
	If                     // condition, branch, condition, branch, …: Lists in the order of the text; an odd last one is else
	Loop                   // while, until: condition List and body List
	For                    // for, select: body List
	Case                   // branches: Lists, some of them empty
	Function               // f() …: one child, which runs only when f is called
	Test                   // [[ … ]]
	Arithmetic             // (( … )), let
	Declare                // export, readonly, local, declare, typeset
	Other                  // time, coproc: at most one child
)

// A Node is a part of a program.
type Node struct {
	Kind
	Range      // the node's own text, redirections included, separators excluded
	Children   []*Node
	Background bool     // ends with &
	Assigns    []Assign // Simple and Declare
	Words      []Word   // Simple: the program and its arguments; Declare: "export" and its options and bare names; For: the items; Case: the subject, then the patterns; Test: operands and operators; Arithmetic and a C-style For: the expressions
	Redirs     []Redir  // of any kind of node
	Name       string   // Function: its name; For: its variable, "" in the C style; Loop, Other: the keyword; Arithmetic: "let" or ""
}

// An Assign is NAME=value before a command or alone, or an argument of Declare.
type Assign struct {
	Range
	Name   string
	Value  Word // empty for NAME=
	Append bool // NAME+=value
	Array  bool
	Elems  []Word // NAME=(…): the elements; NAME[i]=: the words of the subscript
}

// A Redir is a redirection.
type Redir struct {
	Range
	Op      string // ">", ">>", "<", "<<", ">&", "&>", …
	FD      string // as written before the operator, often ""
	Target  Word   // the file, descriptor or delimiter
	Heredoc bool
	Body    Word // the text of a here-document, outside of Range; literal when the delimiter is quoted
}

// A Word is one shell word.
type Word struct {
	Range
	Parts []Part
}

// A PartKind says what a Part is.
type PartKind uint8

const (
	Literal   PartKind = iota // Text is the text after quote removal
	Parameter                 // $x, ${x}, ${x:-y}: Text is the name
	Command                   // $(…) or `…`: Node is the List
	Process                   // <(…) or >(…): Node is the List
	Expr                      // $((…))
	Glob                      // an unquoted pattern: * ? [ or an extended one; Text as written
	Tilde                     // an unquoted leading ~ or ~user; Text as written
	Brace                     // an unquoted brace expansion (bash); Text as written
)

// A Part is a piece of a Word. Its Range leaves out quotes that stand around it.
// Inside backquotes, where a backslash may count twice, it may take in a
// backslash too many.
type Part struct {
	Range
	Kind    PartKind
	Text    string
	Quoted  bool   // inside quotes: not split, not globbed
	Plain   bool   // Parameter: $x or ${x}, without an operator
	Assigns bool   // Parameter: ${x:=y} or ${x=y}; Expr: an assignment inside; Command: ${ …;}, which runs in the shell itself
	Node    *Node  // Command, Process; for a Parameter with a word after its operator, nil
	Words   []Word // what stands inside: a Parameter's word and subscript, an Expr's operands, a Brace's content
}
