package gateway

import (
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"strings"
)

// encodings withholds what a peer repeats of the security token, as the service does when a signature does not match:
// it quotes the headers that it has verified. The secret of the key is not sent, so no peer can repeat it.
func encodings(token string) *strings.Replacer {
	if token == "" {
		return nothing
	}
	inJSON, _ := json.Marshal(token) // a string can always be encoded
	var pairs []string
	for _, encoded := range []string{
		token,
		url.QueryEscape(token),
		html.EscapeString(token),
		string(inJSON[1 : len(inJSON)-1]),
		strings.ReplaceAll(token, "/", `\/`),
		strings.NewReplacer("+", `\u002b`, "=", `\u003d`, "/", `\u002f`).Replace(token),
		strings.NewReplacer("+", "&#43;", "=", "&#61;", "/", "&#47;").Replace(token),
	} {
		pairs = append(pairs, encoded, "(withheld)")
	}
	return strings.NewReplacer(pairs...)
}

var nothing = strings.NewReplacer()

func errWithoutSecrets(secrets *strings.Replacer, err error) error {
	if text := secrets.Replace(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}
