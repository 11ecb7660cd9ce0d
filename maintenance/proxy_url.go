package maintenance

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// proxyURLError replaces an error that quotes a URL with a password. It does not wrap that error,
// because package fmt could print the password.
type proxyURLError struct {
	text      string
	malformed bool // the URL is invalid: a configuration error
	is        func(target error) bool
}

func (e *proxyURLError) Error() string        { return e.text }
func (e *proxyURLError) Is(target error) bool { return e.is != nil && e.is(target) }

const withheldURL = "(withheld)"

var (
	goString     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	malformedURL = regexp.MustCompile(`(?:\bparse|invalid proxy address) "`)
	urlUserInfo  = regexp.MustCompile(`(?s)://.*@`)                          // a password may contain any character
	urlScheme    = regexp.MustCompile(`^(?:https?|socks5h?)://`)             // any other scheme may be part of a password
	urlHost      = regexp.MustCompile(`@([\w.-]+|\[[0-9a-fA-F:]+\]):\d+/?$`) // with its port: the end of "p@ss" is no host
)

// withoutProxyPassword returns err, or a *proxyURLError if err quotes a URL that has, or may have,
// user info. A Proxy function returns such errors. net/url quotes the URL that it cannot parse, and
// then the invalid part again.
func withoutProxyPassword(err error) error {
	if parse := (*url.Error)(nil); errors.As(err, &parse) && parse.Op == "parse" {
		reason, _, _ := strings.Cut(parse.Err.Error(), `"`)
		return &proxyURLError{
			text:      "invalid proxy URL: " + strconv.Quote(urlWithoutSecrets(parse.URL)) + ": " + strings.TrimRight(reason, " (:"),
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

// urlWithoutSecrets returns the scheme and the host of an invalid URL, if they cannot be part of a
// password.
func urlWithoutSecrets(raw string) string {
	shown := urlScheme.FindString(raw) + withheldURL
	return shown + urlHost.FindString(raw)
}
