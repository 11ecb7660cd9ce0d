package maintenance

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Errors of credentials-go quote the data that they could not use: a whole configuration file with
// its keys, a line of a credentials file, the reply of a credentials URI, the name and the error
// output of an external process, a URL with its password. [withhold] recognizes these texts by the
// words that credentials-go 1.4.14 puts before them.

const (
	withheld = "(withheld: may contain a secret)"

	maxRedacted = 16 << 10 // longest text that is examined, in bytes

	quotedText = `"(?:[^"\\]|\\.)*"`
	httpMethod = `\b(?i:get|head|post|put|patch|delete|options|connect) `
)

// Text that follows a match of secretFollows, or that begins like a document, is withheld up to the
// end of the error, because its own end is unknown. The alternatives of ownWords look similar, but
// no secret follows them.
var (
	ownWords = strings.Join([]string{
		`(?:role name|metadata token|source profile) failed: `,
		`(?:Can not open file|\b)open (?:[A-Za-z]:)?[^\n":=]*: (?:no such file or directory|permission denied|is a directory|` +
			`The system cannot find the (?:file|path) specified)`,
		`external command: exec: ` + quotedText + `: executable file not found in \$PATH\nstderr: `,
		`unsupported profile mode '[A-Za-z]{0,24}'`,
		httpMethod + quotedText + `: (?:dial |read |write |proxyconnect |socks |lookup |EOF|unexpected EOF|net/http: |http: |` +
			`http2: |x509: |tls: |remote error: |local error: |context |stopped after |unsupported protocol scheme|` +
			`failed to parse |invalid proxy )`,
		httpMethod + quotedText + `: (?:Proxy Authentication Required|Forbidden|Too Many Requests|Internal Server Error|` +
			`Bad Gateway|Service Unavailable|Gateway Timeout)(?:, |$)`, // a proxy's words
	}, "|")

	secretFollows = strings.Join([]string{
		`external command: (?:exit status -?\d+|signal: [a-z ]+)\nstderr: |external command: |fork/exec `,
		`failed: |message = |stderr: |OAuth: |unsupported profile mode '`,
		`Can not open file|delimiter not found: |empty key name: |key quote(?: from|:) |unclosed section: |BOM: `,
		`parse "|address "|Location header "|malformed (?:MIME|HTTP|chunk)\w*`,
		httpMethod + quotedText + `: `,
		`(?i:secret|token|passwd|password|access_?key_?id|api_?key|authorization|signature)\w*["']?\s*[:=]\s*`,
		`Bearer |Basic `,
	}, "|")

	marked = regexp.MustCompile(`(?s)(` + ownWords + `)|(?:(` + secretFollows + `)|\{\s*"|<[A-Za-z!?/]).*`)

	uriReply  = regexp.MustCompile(`(?s)(credentials from GET )(.*?)( failed: | failed with error, )`)
	ownQuotes = regexp.MustCompile(`^(?:section|key) "[\w.-]{1,64}"$`)
	places    = regexp.MustCompile(`(?s)(?:(?:section|key) )?"(?:[^"\\]|\\.)*(?:"|$)|\b(?i:[a-z][a-z0-9+.-]*)://[^\s"]*`)
	schemes   = regexp.MustCompile(`^(?i:https?|ftp|socks5h?)$`)
	host      = regexp.MustCompile(`^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?$`)
	replyCode = regexp.MustCompile(`"Code"\s*:\s*"([A-Za-z][A-Za-z.]{0,63})"`)
)

// withhold keeps the words of credentials-go itself and the error code of a reply that it quotes.
// It removes the rest of text.
func withhold(text string) string {
	rest := ""
	if len(text) > maxRedacted {
		text, rest = text[:maxRedacted], cutMark
	}
	code := replyCode.FindStringSubmatch(text)
	text = uriReply.ReplaceAllStringFunc(text, func(s string) string {
		parts := uriReply.FindStringSubmatch(s)
		return parts[1] + hostOf(parts[2]) + parts[3]
	})
	text = marked.ReplaceAllStringFunc(text, func(s string) string {
		parts := marked.FindStringSubmatch(s)
		if parts[1] != "" {
			return s
		}
		return strings.TrimSuffix(parts[2], `"`) + withheld
	})
	text = places.ReplaceAllStringFunc(text, func(s string) string {
		before, quotation, isQuoted := strings.Cut(s, `"`)
		switch {
		case ownQuotes.MatchString(s):
			return s
		case isQuoted:
			return before + hostOf(strings.TrimSuffix(quotation, `"`))
		}
		return hostOf(s)
	})
	text += rest
	if code != nil {
		text += ", code " + code[1]
	}
	return text
}

// hostOf returns the scheme and the host of a URL. It withholds everything that is not clearly a
// URL with a host.
func hostOf(url string) string {
	scheme, rest, found := strings.Cut(url, "://")
	authority, path := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, path = rest[:end], rest[end:]
	}
	authority = strings.TrimRight(authority[strings.LastIndex(authority, "@")+1:], ".,;:)'")
	if !found || !schemes.MatchString(scheme) || strings.Contains(path, "@") || !host.MatchString(authority) {
		return withheld
	}
	return scheme + "://" + authority
}

// redacted is an error whose cause may contain a secret. errors.Is can compare the cause, but
// nothing can print it: a function hides the cause from package fmt, from reflection, from
// errors.As and from errors.Unwrap.
type redacted struct {
	text string
	is   func(target error) bool
}

func redact(err error) error {
	return &redacted{
		text: printable(withhold(err.Error()), maxMessage/2),
		is:   func(target error) bool { return errors.Is(err, target) },
	}
}

func (e *redacted) Error() string { return e.text }

// Is makes errors.Is find the provider's own errors. It never matches errors of this package: these
// would describe a call by the provider, not the call that asked the provider.
func (e *redacted) Is(target error) bool {
	return !slices.Contains(allSentinels, target) && e.is(target)
}
