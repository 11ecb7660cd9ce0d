package maintenance

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// Option configures a [Client]. Of options that set the same thing the last one counts.
type Option func(*settings) error

type settings struct {
	http      *http.Client
	keys      keySource
	endpoint  endpoint
	userAgent string
	retry     RetryPolicy
	log       *slog.Logger // nil without one
	observer  Observer
	limiter   *rate.Limiter
}

func newSettings(opts []Option) (*settings, error) {
	s := new(settings)
	if env := os.Getenv(envUserAgent); env != "" {
		if err := validateUserAgent(envUserAgent, env); err != nil {
			return nil, err
		}
		s.userAgent = env
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, &ValidationError{fmt.Sprintf("opts[%d]", i), "is nil"}
		}
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *settings) client() (*Client, error) {
	c := &Client{
		openapi: openapi.Client{
			UserAgent:       dara.String(strings.TrimSpace(product + " " + s.userAgent)),
			DisableSDKError: dara.Bool(true),
		},
		http:     s.http,
		keys:     s.keys,
		endpoint: s.endpoint,
		retry:    s.retry.withDefaults(),
		budget:   &retryBudget{spent: map[string]spending{}},
		paces:    &paces{of: map[paceKey]*pace{}},
		gate:     openGate{},
		limiter:  s.limiter,
		clock:    new(clock),
		observer: s.observer,
	}
	if s.log != nil {
		c.observer = both(c.observer, logger(s.log))
	}
	if s.limiter != nil {
		c.gate = limiterGate{s.limiter}
	}
	if c.http == nil {
		c.http = defaultHTTPClient()
	}
	if c.keys == nil {
		chain, err := defaultProvider()
		if err != nil {
			return nil, err
		}
		c.keys = chain.key
	}
	return c, nil
}

// WithCredential sets the source of access keys; see package credentials of credentials-go. A
// bearer token cannot sign and is refused. Any number of goroutines may use one Client with a
// credential that refreshes itself: one of them asks at a time, and all of them get the answer. Two
// Clients that share a credential do not know of each other. A refresh that fails is retried as
// [RetryPolicy] says.
//
// The default chain of credentials-go is the source without this option and [WithStaticCredential].
func WithCredential(c credentials.Credential) Option {
	return func(s *settings) error {
		if c == nil {
			return &ValidationError{"credential", "is nil"}
		}
		if kind := dara.StringValue(c.GetType()); !canSign(kind) {
			return &ValidationError{"credential", "of type " + quoted(kind) + " has no access key to sign with"}
		}
		s.keys = (&provider{credential: c}).key
		return nil
	}
}

// WithStaticCredential sets an access key. The security token belongs to a temporary (STS) key; it
// is empty for any other.
func WithStaticCredential(accessKeyID, accessKeySecret, securityToken string) Option {
	return func(s *settings) error {
		key := sign.Key{ID: accessKeyID, Secret: accessKeySecret, Token: securityToken}
		if err := validateKey(key); err != nil {
			return err
		}
		s.keys = staticKey(key)
		return nil
	}
}

// WithEndpoint replaces the public endpoint of every region, for example by a VPC endpoint. It
// takes "host", "host:port" or a URL without path, query and user info; http:// is for loopback
// addresses only, see [WithInsecureEndpoint].
func WithEndpoint(endpoint string) Option {
	return func(s *settings) (err error) {
		s.endpoint, err = parseEndpoint(endpoint, false)
		return err
	}
}

// WithInsecureEndpoint is [WithEndpoint] with http:// to any host. It is meant for a test service in
// another container, never for the real service. With http:// everything but the access key secret
// travels in clear text. Anyone on the path can read the access key ID, the security token of a
// temporary (STS) key, the desktops with their tags, and the users that are connected, and can forge
// replies. Requests are signed: the service refuses one that was changed or is sent again.
func WithInsecureEndpoint(endpoint string) Option {
	return func(s *settings) (err error) {
		s.endpoint, err = parseEndpoint(endpoint, true)
		return err
	}
}

// WithHTTPClient sets the client that sends the requests: the place for a proxy, a certificate
// authority, a timeout, tracing, or a mocked http.RoundTripper. It is not changed; a copy of it
// follows no redirects. If a connection breaks, its idle connections are closed too, as they are
// likely to be just as dead; http.DefaultTransport keeps its own.
//
// All Clients without this option share one transport, which [NewTransport] describes.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error {
		if hc == nil {
			return &ValidationError{"httpClient", "is nil"}
		}
		s.http = withoutRedirects(hc)
		return nil
	}
}

// WithRetry sets how calls are retried; without it, the defaults of [RetryPolicy] apply.
func WithRetry(p RetryPolicy) Option {
	return func(s *settings) error {
		s.retry = p
		return p.validate()
	}
}

// WithRateLimiter makes every request of the Client wait for l, retries and the requests of fleets
// included. Give one limiter to all Clients of a program that share a quota. A wait that would
// exceed the context's deadline is not begun: the call fails at once, with an error that is a
// context.DeadlineExceeded. Without it only fleets are paced. [WithRequestRate] is the rate of one
// fleet.
func WithRateLimiter(l *rate.Limiter) Option {
	return func(s *settings) error {
		if l == nil {
			return &ValidationError{"rateLimiter", "is nil"}
		}
		s.limiter = l
		return nil
	}
}

// WithLogger makes the Client log each request (level debug) and each wait before a retry (level
// warn). The attributes are action, region, mode, desktops (their number), attempt (the number of
// requests sent so far), status, code, requestId, error and wait; those that do not apply are left
// out. Texts of the service and of proxies are escaped. Without this option nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return &ValidationError{"logger", "is nil"}
		}
		s.log = l
		return nil
	}
}
