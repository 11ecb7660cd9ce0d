package gateway_test

import (
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

func TestRetryAfter_LargestHint(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"none", nil, 0},
		{"seconds", http.Header{"Retry-After": {" 3 "}}, 3 * time.Second},
		{"date, by the peer's clock", http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:05:05 GMT"}, "Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}, time.Minute},
		{"date that is over", http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:05:05 GMT"}}, 0},
		{"milliseconds", http.Header{"X-Ratelimit-User": {"Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}}, 2 * time.Second},
		{"larger", http.Header{"X-Ratelimit-User-Api": {"timeleft:10"}, "X-Ratelimit-User": {"TimeLeft:500"}}, 500 * time.Millisecond},
		{"bounded", http.Header{"Retry-After": {"9223372036854775807"}}, 24 * time.Hour},
	} {
		err := do(t.Context(), new(gateway.Attempt), answer(429, tc.header, `{"Code":"Throttling"}`))
		var throttled *gateway.APIError
		require.ErrorAs(t, err, &throttled)
		assert.Equal(t, tc.want, throttled.RetryAfter, tc.name)
	}
}

// FuzzRetryAfter parses arbitrary rate-limit headers, and compares the result with that of another
// implementation.
func FuzzRetryAfter(f *testing.F) {
	const date, later = "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:05:05 GMT"
	f.Add("", "", "", "")
	f.Add("3", date, "Limit:1,Remain:0,TimeLeft:2000,Reset:1234", "Limit:1,Remain:0,TimeLeft:5000,Reset:1234")
	f.Add(later, date, "", "")
	f.Add(date, later, "", "")
	f.Add(later, "", "", "")
	f.Add("Friday, 02-Jan-26 03:05:05 GMT", "Fri Jan  2 03:04:05 2026", "", "")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "", "")
	f.Add("-1", date, "TimeLeft:-1", "TimeLeft:-99999999999999999999")
	f.Add("9223372036854775807", date, "TimeLeft:9223372036854775808", "TimeLeft:86400001")
	f.Add("99999999999999999999", date, "TimeLeft:0", "TimeLeft:+7")
	f.Add("99999999999999999999x", date, "TimeLeft:9223372036854775807000", "")
	f.Add("1e9", "1", "TimeLeft:0x10", "TimeLeft:1_000")
	f.Add(" 3\t", date, " timeleft : 10 ,TimeLeft:20", "TimeLeft,TimeLeft:20")
	f.Add("3, 4", date, "TimeLeft:1:2", "NotTimeLeft:5,TimeLeft:,TimeLeft:6")
	f.Add("", date, "Limit:9,Remain:8,TimeLeft:60000", "Limit:9,TimeLeft:60000,remain : 0 ")
	f.Add("1.5", date, "\u00a0TimeLeft:\u20039\u00a0", "TimeLeft:٣")

	f.Fuzz(func(t *testing.T, retryAfter, date, userAPI, user string) {
		attempt := new(gateway.Attempt)
		before := time.Now()
		err := do(t.Context(), attempt, answer(429, http.Header{
			"Retry-After": {retryAfter}, "Date": {date}, "X-Ratelimit-User-Api": {userAPI}, "X-Ratelimit-User": {user},
		}, `{"Code":"Throttling.User"}`))
		after := time.Now()
		var throttled *gateway.APIError
		require.ErrorAs(t, err, &throttled)
		assert.Equal(t, throttled.RetryAfter, attempt.Reply.RetryAfter)

		if now, err := http.ParseTime(date); err == nil {
			before, after = now, now
		}
		left := max(timeLeft(userAPI), timeLeft(user))
		assert.GreaterOrEqual(t, throttled.RetryAfter, max(left, delay(retryAfter, after)))
		assert.LessOrEqual(t, throttled.RetryAfter, max(left, delay(retryAfter, before)))
	})
}

const longestHint = 24 * time.Hour

// delay returns the wait that Retry-After asks for at the time now.
func delay(retryAfter string, now time.Time) time.Duration {
	if date, err := http.ParseTime(retryAfter); err == nil {
		return min(max(date.Sub(now), 0), longestHint)
	}
	return units(retryAfter, time.Second)
}

// firstTimeLeft matches up to the end of the first field of that name.
var firstTimeLeft = regexp.MustCompile(`(?i)(?:^|,)[\s\v\pZ\x{85}]*timeleft[\s\v\pZ\x{85}]*(?::([^,]*))?(?:,|$)`)

// remaining matches a field that says that calls are left.
var remaining = regexp.MustCompile(`(?i)(?:^|,)[\s\v\pZ\x{85}]*remain[\s\v\pZ\x{85}]*(?:,|$|:[\s\v\pZ\x{85}]*(?:0[^,\s\v\pZ\x{85}]|[^0,\s\v\pZ\x{85}]|,|$|0[\s\v\pZ\x{85}]+[^,\s\v\pZ\x{85}]))`)

func timeLeft(value string) time.Duration {
	if remaining.MatchString(value) {
		return 0
	}
	if field := firstTimeLeft.FindStringSubmatch(value); field != nil {
		return units(field[1], time.Millisecond)
	}
	return 0
}

// units returns a number of units, or 0 if value is not a number of 63 bits.
func units(value string, unit time.Duration) time.Duration {
	n, ok := new(big.Int).SetString(strings.TrimSpace(value), 10)
	if !ok || n.Sign() < 0 || !n.IsInt64() {
		return 0
	}
	n.Mul(n, big.NewInt(int64(unit)))
	if limit := big.NewInt(int64(longestHint)); n.Cmp(limit) > 0 {
		n = limit
	}
	return time.Duration(n.Int64())
}
