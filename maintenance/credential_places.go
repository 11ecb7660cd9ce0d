package maintenance

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

// defaultChainPlaces says where the default chain of credentials-go looks in the present environment, in its order.
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
