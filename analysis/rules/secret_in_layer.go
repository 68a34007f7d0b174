package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// SecretInLayer finds keys and passwords that the image hands to whoever has it.
var SecretInLayer = analysis.Rule{
	Name: "secret-in-layer",
	Doc: analysis.Doc{
		Summary: "a key or password ends up in the image",
		What: "In a stage that ships: a COPY or ADD of a file that holds credentials by its name (`id_rsa`, `.netrc`, `.git-credentials`, `.pypirc`, `.aws/credentials`, `.docker/config.json` …); " +
			"and a token of a known form (GitHub, GitLab, Slack, npm, AWS), a private key, or an address of a server with a user and password, written in any instruction.",
		Why: "A layer keeps what the next one deletes, and `docker history` shows every instruction: whoever can pull the image has the secret. " +
			"`RUN --mount=type=secret` shows it to one step and leaves it in no layer.",
		Silent: "For variables, and for addresses whose password is one (`https://user:$TOKEN@…`): Docker's own check SecretsUsedInArgOrEnv speaks of ARG and ENV by their names. For `example`, `password` and other words that stand for a secret, for a password that is the user's name, as public servers have it, and for the addresses of databases, whose passwords are most often those of a test.",
		Fix:    "There is none: how the secret comes to the build is yours to say. One that was pushed must be made invalid.",
	},
	Best:     analysis.Display,
	Severity: analysis.Warning,
	Run:      runSecretInLayer,
}

// A token is a form of credentials that means nothing else. The form is looked for only
// where one of the words stands: each edit of a Dockerfile comes through here.
type token struct {
	what  string
	words []string
	form  *lazyregexp.Regexp
}

// tokens are those forms. Sources: the issuers' documentation of their prefixes.
var tokens = []token{
	{"a GitHub token", []string{"gh"}, lazyregexp.New(`\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b`)},
	{"a GitLab token", []string{"glpat-"}, lazyregexp.New(`\bglpat-[A-Za-z0-9_-]{20}\b`)},
	{"a Slack token", []string{"xox"}, lazyregexp.New(`\bxox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{10,}`)},
	{"an npm token", []string{"npm_"}, lazyregexp.New(`\bnpm_[A-Za-z0-9]{36}\b`)},
	{"an AWS access key", []string{"AKIA", "ASIA"}, lazyregexp.New(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
	{"a private key", []string{"PRIVATE KEY"}, lazyregexp.New(`-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----`)},
	{"a password", []string{"://"}, lazyregexp.New(`\b(?:https?|ftp|git|ssh)://([A-Za-z0-9_.%-]*:[^\s@/:$"'{}<>]{6,})@[A-Za-z0-9]`)},
}

// placeholders are words that stand for a secret.
var placeholders = lazyregexp.New(`(?i)example|password|passwd|secret|changeme|token|x{4,}|your|dummy|fake|guest|admin|root|user|localhost|\*{3,}`)

// credentialFiles hold credentials, by their names or the ends of their paths.
var credentialFiles = []string{"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", "_netrc", ".git-credentials", ".pypirc", ".aws/credentials", ".docker/config.json", ".dockercfg",
	".kube/config", ".pgpass", ".my.cnf", ".vault-token"}

func runSecretInLayer(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		for _, in := range append([]*syntax.Instruction{s.From}, s.Instructions...) {
			if in.Name == "copy" || in.Name == "add" {
				credentialCopied(p, in)
			}
			text := in.Span.In(p.Doc.Content)
			for _, t := range tokens {
				if !slices.ContainsFunc(t.words, func(w string) bool { return strings.Contains(text, w) }) {
					continue
				}
				m := t.form.FindStringSubmatchIndex(text)
				if m == nil {
					continue
				}
				from, to := m[0], m[1]
				if len(m) > 2 {
					from, to = m[2], m[3]
				}
				if t.what == "a password" {
					// Of a token it says so in the password's place: TOKEN:x-oauth-basic.
					user, word, _ := strings.Cut(text[from:to], ":")
					if user == word || word != "x-oauth-basic" && placeholders.MatchString(word) {
						continue
					}
				} else if placeholders.MatchString(text[from:to]) && t.what != "a private key" {
					continue
				}
				p.Report(analysis.Diagnostic{
					Span:     source.Span{Start: in.Span.Start + from, End: in.Span.Start + to},
					Message:  fmt.Sprintf("This looks like %s: whoever has the image can read it in its layers or history", t.what),
					Withheld: []string{"how the secret comes to the build is yours to say: RUN --mount=type=secret leaves it in no layer"},
				})
			}
		}
	}
}

// credentialCopied reports a file of credentials that a COPY or ADD brings.
func credentialCopied(p *analysis.Pass, in *syntax.Instruction) {
	if in.Flag("from") != nil || len(in.Args) < 2 || len(in.Heredocs) > 0 {
		return
	}
	for _, w := range in.Args[:len(in.Args)-1] {
		name := path.Clean("/" + w.Value)
		for _, secret := range credentialFiles {
			if strings.HasSuffix(name, "/"+secret) {
				p.Report(analysis.Diagnostic{
					Span:     w.Span(),
					Message:  fmt.Sprintf("%s holds credentials by its name: whoever has the image can take it from this layer, even where a later line deletes it", path.Base(name)),
					Withheld: []string{"how the secret comes to the build is yours to say: RUN --mount=type=secret leaves it in no layer"},
				})
				break
			}
		}
	}
}
