package maintenance

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aliyun/credentials-go/credentials"
)

// defaultProvider takes keys from the default chain of credentials-go.
func defaultProvider() (*provider, error) {
	chain, err := newChain()
	if err != nil {
		return nil, fmt.Errorf("maintenance: default credential chain: %w", redact(err))
	}
	return &provider{credential: chain, rebuild: newChain}, nil
}

func newChain() (credentials.Credential, error) { return credentials.NewCredential(nil) }

// startOver replaces a default chain that has never given a key. credentials-go 1.4.14 remembers a
// provider of the chain before that provider answers, and then asks only that one: the last one if
// the chain failed, or the one that panicked. A chain that has given a key is kept, because another
// provider would be another identity. Its provider asks again each time: no provider of
// credentials-go caches a failure.
func (p *provider) startOver() {
	if !p.isChain() {
		return
	}
	if fresh, err := p.rebuild(); err == nil {
		p.credential = fresh
	}
}

// isChain reports whether the next request for a key goes through the whole default chain.
func (p *provider) isChain() bool { return p.rebuild != nil && !p.hadKey }

// defaultChainPlaces lists the places that the default chain of credentials-go tries in the current
// environment, in its order.
func defaultChainPlaces() string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "~"
	}
	places := []string{
		"environment variables ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
		"OIDC role by ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN and ALIBABA_CLOUD_OIDC_TOKEN_FILE",
		"file " + cmp.Or(os.Getenv("ALIBABA_CLOUD_CONFIG_FILE"), filepath.Join(home, ".aliyun", "config.json")) +
			unlessDisabled("ALIBABA_CLOUD_CLI_PROFILE_DISABLED"),
		"file " + cmp.Or(os.Getenv("ALIBABA_CLOUD_CREDENTIALS_FILE"), filepath.Join(home, ".alibabacloud", "credentials")),
		"metadata service of the ECS instance" + unlessDisabled("ALIBABA_CLOUD_ECS_METADATA_DISABLED"),
		"credentials URI by ALIBABA_CLOUD_CREDENTIALS_URI",
	}
	return strings.Join(places, "; ")
}

func unlessDisabled(variable string) string {
	if strings.EqualFold(os.Getenv(variable), "true") {
		return " (disabled by " + variable + ")"
	}
	return ""
}
