package maintenance

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// ListedCodes returns the codes of the table; an asterisk at the end stands for any ending.
func ListedCodes() (codes []string) {
	for _, entry := range errorCodes {
		codes = append(codes, entry.code)
	}
	return codes
}

// ListedStatuses returns the statuses of the tables for replies of the API and of other peers.
func ListedStatuses() (api, peers []int) {
	for _, entry := range apiStatuses {
		api = append(api, entry.first, entry.last)
	}
	for _, entry := range peerStatuses {
		peers = append(peers, entry.first, entry.last)
	}
	return api, peers
}

func TestErrorCodes_EachHasASourceAndAMeaning(t *testing.T) {
	t.Parallel()
	for _, entry := range errorCodes {
		assert.NotEmpty(t, entry.source, entry.code)
		assert.NotEqual(t, unlisted, entry.meaning, entry.code)
		assert.NotContains(t, strings.TrimSuffix(entry.code, "*"), "*", "at the end only")
	}
	for _, entry := range peerStatuses {
		assert.NotEmpty(t, entry.source, entry.first)
		assert.NotEqual(t, unlisted, entry.meaning, entry.first)
		assert.LessOrEqual(t, entry.first, entry.last)
	}
}

// The first match counts, so no entry may follow an entry that hides it.
func TestErrorCodes_NoneIsHidden(t *testing.T) {
	t.Parallel()
	for i, entry := range errorCodes {
		for _, earlier := range errorCodes[:i] {
			prefix, isPrefix := strings.CutSuffix(earlier.code, "*")
			assert.NotEqual(t, earlier.code, entry.code, "twice")
			assert.False(t, isPrefix && strings.HasPrefix(entry.code, prefix), "%s hides %s", earlier.code, entry.code)
		}
		code := strings.Replace(entry.code, "*", "Something", 1)
		assert.Equal(t, entry.meaning, meaningOfCode(code), code)
	}
	for i, entry := range peerStatuses {
		for _, earlier := range peerStatuses[:i] {
			assert.True(t, entry.first > earlier.last || entry.last < earlier.first, "%d is in two ranges", entry.first)
		}
	}
}

func TestErrorCodes_Order(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]meaning{
		"InvalidSecurityToken":                keyRefused,
		"InvalidSecurityToken.Expired":        keyExpired,
		"InvalidSecurityToken.ExpiredOrNever": keyRefused,
		"InvalidSecurityToken.":               keyRefused,
		"InvalidSecurityTokenExpired":         unlisted,
		"Forbidden":                           accessDenied,
		"Forbidden.RAM":                       accessDenied,
		"Forbidden.RAM.Policy":                unlisted,
		"Forbidden.Access":                    tryAgainLater,
		"Forbidden.AccessKeyDisabled":         keyRefused,
		"Forbidden.":                          unlisted,
		"NoPermission.":                       accessDenied,
		"InvalidRegionId.NotFound":            wrongCall,
		"Throttling.":                         throttling,
		"Throttling*":                         unlisted,
		"throttling":                          unlisted,
		"*":                                   unlisted,
		"":                                    unlisted,
	} {
		assert.Equal(t, want, meaningOfCode(code), code)
	}
}

func TestErrorCodes_SaysNotFound(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"InvalidDesktopId.NotFound":   true,
		"Forbidden.InstanceNotFound":  true,
		"DesktopNotFound":             true,
		"InvalidRegionId.NotFound":    false, // concerns every call
		"InvalidApi.NotFound":         false,
		"InvalidAccessKeyId.NotFound": false,
		"NotFound.Desktop":            false,
		"InvalidParameter":            false,
		"":                            false,
	} {
		assert.Equal(t, want, saysNotFound(code), code)
	}
}
