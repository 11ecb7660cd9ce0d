package maintenance

import (
	"errors"
	"regexp"
)

// Errors of credentials-go quote what they could not use: a whole configuration file with its keys, the reply of
// a credentials URI, the error output of an external process, a URL with its password.
var (
	quotedInput = regexp.MustCompile(`(?s)(failed: |message = |stderr: |OAuth: |AccessKeyId: |open file|not found: |parse ").*`)
	urlSecrets  = regexp.MustCompile(`(https?://)(?:[^/\s@]*@)?([^/?#\s"']*)[^\s"']*`)
	replyCode   = regexp.MustCompile(`"Code"\s*:\s*"([\w.]+)"`)
)

// redacted is an error whose text may hold a secret. It can be asked what it is, and not what it says.
type redacted struct {
	text  string
	cause error
}

// redact keeps of err what credentials-go says in its own words, and the error code of a reply that it quotes.
func redact(err error) error {
	if own := (*ValidationError)(nil); errors.As(err, &own) {
		return err
	}
	text := quotedInput.ReplaceAllString(err.Error(), "$1(withheld, as it may hold a secret)")
	text = urlSecrets.ReplaceAllString(text, "$1$2")
	if code := replyCode.FindStringSubmatch(err.Error()); code != nil {
		text += ", code " + code[1]
	}
	return &redacted{text: printable(text, maxMessage/2), cause: err}
}

func (e *redacted) Error() string        { return e.text }
func (e *redacted) Is(target error) bool { return errors.Is(e.cause, target) }
