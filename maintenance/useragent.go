package maintenance

import (
	"os"
	"strings"
)

const (
	// product is the name and version of this library in the User-Agent header.
	product = "ecd-maintenance-go/0.1.0"

	envUserAgent = "ALIBABA_CLOUD_USER_AGENT"
)

// WithUserAgent adds a product such as "my-service/1.2" to the User-Agent header, so that
// ActionTrail shows which program sent a request. The default is the environment variable
// ALIBABA_CLOUD_USER_AGENT.
func WithUserAgent(product string) Option {
	return func(s *settings) error {
		if err := validateUserAgent("userAgent", product); err != nil {
			return err
		}
		s.userAgent = product
		return nil
	}
}

// userAgentOfEnvironment is the default of WithUserAgent.
func userAgentOfEnvironment(s *settings) error {
	env := os.Getenv(envUserAgent)
	if err := validateUserAgent(envUserAgent, env); err != nil {
		return err
	}
	s.userAgent = env
	return nil
}

func (s *settings) userAgentHeader() string { return strings.TrimSpace(product + " " + s.userAgent) }

func validateUserAgent(parameter, product string) error {
	if strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
		return &ValidationError{parameter, quoted(product) + " contains a character that is not printable ASCII"}
	}
	return nil
}
