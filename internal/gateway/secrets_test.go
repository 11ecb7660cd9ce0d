package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// A signature that does not match is answered with all that was signed.
func TestSecrets_RepeatedByAPeer(t *testing.T) {
	t.Parallel()
	key := sign.Key{ID: "id", Token: "token/4711=="}
	err := do(t.Context(), &gateway.Attempt{Key: key}, answer(400, nil, `{"Code":"SignatureDoesNotMatch","Message":`+
		`"server CanonicalRequest is [POST\nx-acs-security-token:token\/4711\u003d=\n]","Recommend":"?t=token/4711=="}`))
	var refused *gateway.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "server CanonicalRequest is [POST\nx-acs-security-token:(withheld)\n]", refused.Message)
	assert.Equal(t, "?t=(withheld)", refused.Recommend)

	err = do(t.Context(), &gateway.Attempt{Key: key}, answer(400, nil, "<html>X-Acs-Security-Token: token/4711== token%2F4711%3D%3D token&#47;4711&#61;&#61; token\\/4711=="))
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
	assert.Equal(t, "<html>X-Acs-Security-Token: (withheld) (withheld) (withheld) (withheld)", string(malformed.Body))
}
