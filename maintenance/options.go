package maintenance

import (
	"fmt"
	"log/slog"
	"net/http"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// Option configures a [Client]. If several options set the same thing, the last one counts.
type Option func(*settings) error

type settings struct {
	http      *http.Client
	keys      keySource
	endpoint  endpoint
	userAgent string
	retry     RetryPolicy
	log       *slog.Logger // nil: no log
	observer  Observer
	limiter   *rate.Limiter
}

func newSettings(opts []Option) (*settings, error) {
	s := new(settings)
	if err := userAgentOfEnvironment(s); err != nil {
		return nil, err
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
			UserAgent:       dara.String(s.userAgentHeader()),
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
// bearer token cannot sign and is refused. Goroutines can share a Client whose credential refreshes
// itself: the Client calls the credential from one goroutine at a time and gives the answer to all
// that wait for it. Two Clients do not coordinate: they may call a shared credential at the same
// time. A failed refresh is retried as [RetryPolicy] says.
//
// Without this option and [WithStaticCredential], the source is the default chain of
// credentials-go.
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

// WithStaticCredential sets an access key. The security token belongs to a temporary (STS) key;
// leave it empty for any other key.
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

// WithInsecureEndpoint is [WithEndpoint] with http:// to any host. It is meant for a test service
// in another container, never for the real service. With http:// everything but the access key
// secret travels in clear text. Anyone on the path can read the access key ID, the security token
// of a temporary (STS) key, the desktops with their tags, and the users that are connected, and can
// forge replies. Requests are signed, so the service refuses a request that was changed or
// replayed.
func WithInsecureEndpoint(endpoint string) Option {
	return func(s *settings) (err error) {
		s.endpoint, err = parseEndpoint(endpoint, true)
		return err
	}
}

// WithHTTPClient sets the client that sends the requests: the place for a proxy, a certificate
// authority, a timeout, tracing, or a mocked http.RoundTripper. The Client does not change hc: it
// uses a copy that follows no redirects. If a connection breaks, the Client also closes the idle
// connections of the transport, which are probably broken too; it leaves http.DefaultTransport
// alone.
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
// included. Give one limiter to all Clients of a program that share a quota. If the wait would
// exceed the context's deadline, the call fails at once with an error that matches
// context.DeadlineExceeded. Without this option only fleets limit their rate. [WithRequestRate]
// limits the rate of one fleet.
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
// requests sent so far), status, code, requestId, error and wait; attributes that do not apply are
// left out. Texts from the service and from proxies are escaped. Without this option nothing is
// logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return &ValidationError{"logger", "is nil"}
		}
		s.log = l
		return nil
	}
}
