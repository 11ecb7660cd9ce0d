package maintenancetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

var rpcKey = sign.Key{ID: maintenancetest.DefaultAccessKeyID, Secret: maintenancetest.DefaultAccessKeySecret, Token: token}

// rpcCall is a valid request with the signature of RPC requests, which a test can change before and after it is
// signed.
type rpcCall struct {
	method     string
	parameters []sign.Pair
	key        sign.Key
}

func newRPCCall(action, query string) *rpcCall {
	c := &rpcCall{method: http.MethodGet, key: rpcKey, parameters: []sign.Pair{
		{Name: "Action", Value: action},
		{Name: "Version", Value: "2020-09-30"},
		{Name: "Format", Value: "JSON"},
		{Name: "Timestamp", Value: time.Now().UTC().Format(sign.DateLayout)},
		{Name: "SignatureNonce", Value: fmt.Sprint("rpc-", nonce.Add(1))},
	}}
	values, _ := url.ParseQuery(query)
	for name, given := range values {
		for _, value := range given {
			c.add(name, value)
		}
	}
	return c
}

func (c *rpcCall) add(name, value string) {
	c.parameters = append(c.parameters, sign.Pair{Name: name, Value: value})
}

func (c *rpcCall) remove(name string) {
	c.parameters = slices.DeleteFunc(c.parameters, func(p sign.Pair) bool { return p.Name == name })
}

func (c *rpcCall) set(name, value string) {
	c.remove(name)
	c.add(name, value)
}

func (c *rpcCall) sign() *rpcCall {
	c.parameters = sign.SignRPC(c.method, c.parameters, c.key)
	return c
}

// request puts the parameters whose names are in the list into a form body, and the others into the query.
func (c *rpcCall) request(inBody ...string) *http.Request {
	var query, form []sign.Pair
	for _, p := range c.parameters {
		if slices.Contains(inBody, p.Name) {
			form = append(form, p)
		} else {
			query = append(query, p)
		}
	}
	r := httptest.NewRequest(c.method, "https://"+host+"/?"+sign.EncodeQuery(query), strings.NewReader(sign.EncodeQuery(form)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (c *rpcCall) names() (names []string) {
	for _, p := range c.parameters {
		names = append(names, p.Name)
	}
	return names
}
