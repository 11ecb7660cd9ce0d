package maintenance

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// proxyURLError is an error that has quoted a URL with a password. It does not wrap that error, as fmt's verbs would print
// what it holds.
type proxyURLError struct {
	text      string
	malformed bool // the URL does not parse: a mistake of the configuration
	is        func(target error) bool
}

func (e *proxyURLError) Error() string        { return e.text }
func (e *proxyURLError) Is(target error) bool { return e.is != nil && e.is(target) }

const withheldURL = "(withheld)"

var (
	goString     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	malformedURL = regexp.MustCompile(`(?:\bparse|invalid proxy address) "`)
	urlUserInfo  = regexp.MustCompile(`(?s)://.*@`)                          // a password may hold anything
	urlScheme    = regexp.MustCompile(`^(?:https?|socks5h?)://`)             // anything else may be part of a password
	urlHost      = regexp.MustCompile(`@([\w.-]+|\[[0-9a-fA-F:]+\]):\d+/?$`) // with its port, as "p@ss" is no host
)

// withoutProxyPassword returns err, or a *proxyURLError if err quotes a URL that has, or may have, user info. A Proxy
// function returns such errors, and net/url quotes the URL that it cannot parse, and once more the part that is wrong.
func withoutProxyPassword(err error) error {
	if parse := (*url.Error)(nil); errors.As(err, &parse) && parse.Op == "parse" {
		reason, _, _ := strings.Cut(parse.Err.Error(), `"`)
		return &proxyURLError{
			text:      "the URL of the proxy does not parse: " + strconv.Quote(urlWithoutSecrets(parse.URL)) + ": " + strings.TrimRight(reason, " (:"),
			malformed: true,
		}
	}
	text := err.Error()
	malformed := malformedURL.MatchString(text)
	if malformed {
		text = goString.ReplaceAllStringFunc(text, func(quoted string) string {
			raw, err := strconv.Unquote(quoted)
			if err != nil {
				return withheldURL
			}
			return strconv.Quote(urlWithoutSecrets(raw))
		})
	}
	text = urlUserInfo.ReplaceAllString(text, "://"+withheldURL+"@")
	if text == err.Error() {
		return err
	}
	return &proxyURLError{text: text, malformed: malformed, is: func(target error) bool { return errors.Is(err, target) }}
}

// urlWithoutSecrets keeps the scheme and the host of a URL that does not parse, if they cannot be part of a password.
func urlWithoutSecrets(raw string) string {
	shown := urlScheme.FindString(raw) + withheldURL
	return shown + urlHost.FindString(raw)
}
